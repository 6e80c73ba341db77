package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/mailhavn/mailhavn/tlspolicy/drill"
)

// tlsFamily are the commands on certificates and keys.
type tlsFamily struct {
	Check  tlsCheckCommand  `cmd:"" help:"Look at the TLS of a service from outside: what it accepts, what is wrong, a grade with reasons. Exit status 1 for findings."`
	Report tlsReportCommand `cmd:"" help:"Tell about every certificate that the settings name: when it ends, its class, what is wrong with it. Exit status 1 if one is refused."`
	Drill  drillCommand     `cmd:"" help:"After a key has leaked: have new keys and certificates made, old ones revoked, tickets and sessions dropped, passwords changed. Shows the plan unless told to --run."`
}

type drillCommand struct {
	Incident string `arg:"" help:"Name of the incident, such as 2030-12-31-stolen-backup; the same name goes on with the same drill."`
	Now      bool   `name:"run" help:"Do it. Without this, only the plan is shown."`
	dataFlag
}

// Run shows the plan or carries it out.
func (x *drillCommand) Run(c *console) error {
	return ask(c, x.Data, request{Command: "drill", To: x.Incident, Run: x.Now})
}

// drillsFolder is in the data folder and holds a folder for each incident.
const drillsFolder = "drills"

var incidentName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// drill shows or does what is left of the drill for an incident.
func (a *admin) drill(ctx context.Context, r request, out func(string)) error {
	switch {
	case a.host == nil:
		return errors.New("no server runs on this data folder; start it, so that it serves the new certificates and closes its sessions")
	case !incidentName.MatchString(r.To):
		return fmt.Errorf("%q is no name for an incident: letters, digits, dots and hyphens, 100 at most", r.To)
	}
	dir := filepath.Join(a.store.dir, drillsFolder, r.To)
	d := a.host.drill(dir)
	work := d.Plan
	if r.Run {
		if err := makeFolder(dir); err != nil {
			return err
		}
		work = d.Run
	}
	plan, err := work(ctx)
	if plan == nil {
		return err
	}
	var text bytes.Buffer
	plan.WriteTo(&text) // a Buffer does not fail
	for line := range strings.Lines(text.String()) {
		out(strings.TrimSuffix(line, "\n"))
	}
	switch {
	case errors.Is(err, drill.ErrIncomplete):
		return drill.ErrIncomplete // the plan tells what has failed
	case err == nil && !r.Run && plan.Finished.IsZero():
		out("this is the plan; with --run it is carried out")
	}
	return err
}

package imapserver

// A state is a state of the protocol (RFC 9051, section 3); several are a set of states.
type state uint8

const (
	notAuthenticated state = 1 << iota
	authenticated
	selectedState
	logout

	anyState     = notAuthenticated | authenticated | selectedState
	loggedIn     = authenticated | selectedState
	noState      = state(0)
	initialState = notAuthenticated
)

// An event is what changes the state.
type event uint8

const (
	didLogin          event = iota // LOGIN or AUTHENTICATE succeeded
	didSelect                      // SELECT or EXAMINE succeeded
	didUnselect                    // CLOSE or UNSELECT succeeded, a SELECT failed, or the mailbox is gone
	didUnauthenticate              // UNAUTHENTICATE
	didLogout                      // LOGOUT, or the server ends the connection
)

// transitions is all that can happen to the state (RFC 9051, section 3.4).
var transitions = map[event]struct {
	from state
	to   state
}{
	didLogin:    {notAuthenticated, authenticated},
	didSelect:   {loggedIn, selectedState},
	didUnselect: {loggedIn, authenticated},

	didUnauthenticate: {loggedIn, notAuthenticated},

	didLogout: {anyState | logout, logout},
}

// change changes the state. What belongs to a state that is left goes with it. An event that cannot happen in
// the present state is a mistake of a handler and changes nothing.
func (c *conn) change(e event) bool {
	t := transitions[e]
	if c.state&t.from == 0 {
		return false
	}
	if c.selected != nil && t.to != selectedState {
		c.selected.close()
		c.selected = nil
		c.shown.set(nil)
		c.server.describe(c, func(i *connInfo) { i.mailbox = "" })
	}
	if t.to&loggedIn == 0 {
		c.notify.end()
		c.notify = nil
	}
	c.state = t.to
	return true
}

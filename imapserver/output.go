package imapserver

import (
	"context"
	"net"
	"sync"
	"time"

	"github.com/mailhavn/mailhavn/imapserver/internal/wire"
)

// encoders holds response buffers, which connections have only while they answer.
var encoders = sync.Pool{New: func() any { return wire.NewEncoder(nil) }}

// writeChunk is how much a client has to take within the write time-out.
const writeChunk = 64 << 10

// output writes to the client, with a deadline for each chunk, so that a client that takes nothing
// does not hold a connection. A failed write ends what the connection is doing.
type output struct {
	conn    net.Conn
	timeout time.Duration
	cancel  context.CancelFunc
	trace   *tracer // nil if nobody looks
}

func (o *output) Write(p []byte) (int, error) {
	if o.trace != nil {
		o.trace.wrote(p)
	}
	for done := 0; done < len(p); {
		o.conn.SetWriteDeadline(time.Now().Add(o.timeout))
		n, err := o.conn.Write(p[done:min(len(p), done+writeChunk)])
		done += n
		if err != nil {
			o.cancel()
			return done, err
		}
	}
	return len(p), nil
}

package audit_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"

	"github.com/mailhavn/mailhavn/tlspolicy"
	"github.com/mailhavn/mailhavn/tlspolicy/audit"
)

func Example() {
	dir, err := os.MkdirTemp("", "audit")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	cert, err1 := tlspolicy.SelfSigned(filepath.Join(dir, "tls"))
	config, err2 := tlspolicy.Intermediate.Server(cert)
	listener, err3 := tls.Listen("tcp", "127.0.0.1:0", config)
	if err1 != nil || err2 != nil || err3 != nil {
		fmt.Println(err1, err2, err3)
		return
	}
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func(conn net.Conn) {
				defer conn.Close()
				conn.Read(make([]byte, 1))
			}(conn)
		}
	}()

	report, err := audit.Run(context.Background(), listener.Addr().String(), audit.Options{Protocol: audit.TLS})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(report.Grade.Letter, report.Grade.Score)
	for _, f := range report.Findings {
		if f.Severity >= audit.High {
			fmt.Println(f.Severity, f.ID)
		}
	}
	// Output:
	// T 93
	// high self-signed
}

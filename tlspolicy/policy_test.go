package tlspolicy

import (
	"crypto/elliptic"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/mailhavn/mailhavn/tlspolicy/internal/testca"
)

// accepted is what a server lets foreign clients do.
type accepted struct {
	Versions []string
	Suites12 []string // of TLS 1.2, by all 65,536 numbers
	Suites13 []string // of TLS 1.3, likewise
	Groups12 []string // key exchange groups of TLS 1.2, by all 65,536 numbers
	Groups13 []string // of TLS 1.3, likewise
	SHA1     bool     // signs a handshake with SHA-1
	Tickets  bool
}

func wanted(p Policy) accepted {
	a := accepted{
		Versions: []string{"TLS 1.3"},
		Suites13: []string{"TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"},
		Groups13: []string{"CurveP256", "CurveP384", "X25519", "X25519MLKEM768"},
	}
	if p.String() != "modern" {
		a.Versions = []string{"TLS 1.2", "TLS 1.3"}
		a.Groups12 = []string{"CurveP256", "CurveP384", "X25519"}
		a.Suites12 = []string{
			"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
			"TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
			"TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
			"TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
			"TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
			"TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
		}
	}
	return a
}

// serverOf returns a server of p with every kind of certificate that p allows.
func serverOf(t testing.TB, p Policy) *tls.Config {
	t.Helper()
	certs := []tls.Certificate{issue(t, nil, ecdsaKey(t, elliptic.P256()), nil).Pair()}
	if p.rules().rsaBits > 0 {
		certs = append(certs, issue(t, nil, rsaKey(t, 2048), nil).Pair())
	}
	config, err := p.Server(certs...)
	if err != nil {
		t.Fatal(err)
	}
	return config
}

// probe tries every version that crypto/tls knows, every suite and every group.
func probe(t testing.TB, server *tls.Config) (a accepted) {
	t.Helper()
	try := func(client *tls.Config) (tls.ConnectionState, bool) {
		client.InsecureSkipVerify = true
		client.ServerName = "mail.example.org"
		state, serverErr, clientErr := handshake(t, server, client)
		if (serverErr == nil) != (clientErr == nil) {
			t.Errorf("the sides disagree: server %v, client %v", serverErr, clientErr)
		}
		return state, clientErr == nil
	}
	var all []uint16
	for _, s := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		all = append(all, s.ID)
	}
	for v := uint16(tls.VersionTLS10); v <= tls.VersionTLS13; v++ {
		cache := tls.NewLRUClientSessionCache(1)
		client := &tls.Config{MinVersion: v, MaxVersion: v, CipherSuites: all, ClientSessionCache: cache}
		if _, ok := try(client); !ok {
			continue
		}
		a.Versions = append(a.Versions, tls.VersionName(v))
		if state, _ := try(client); state.DidResume {
			a.Tickets = true
		}
	}
	a.Suites12, a.Suites13 = suites(t, server, tls.VersionTLS12), suites(t, server, tls.VersionTLS13)
	a.SHA1 = signsSHA1(t, server)
	a.Groups12, a.Groups13 = groups(t, server, tls.VersionTLS12), groups(t, server, tls.VersionTLS13)
	return a
}

func TestServerAcceptsExactlyThePolicy(t *testing.T) {
	for _, p := range []Policy{{}, Intermediate, Modern, Strict} {
		t.Run(p.String(), func(t *testing.T) {
			if got, want := probe(t, serverOf(t, p)), wanted(p); !reflect.DeepEqual(got, want) {
				t.Errorf("accepted %+v\nwant     %+v", got, want)
			}
		})
	}
}

// hostile are the GODEBUG settings that weaken the defaults of crypto/tls.
const hostile = "tls10server=1,tlsrsakex=1,tls3des=1,tlssha1=1,tlsunsafeekm=1,tlssecpmlkem=1,tlsmaxrsasize=65536,rsa1024min=0,x509negativeserial=1"

// TestHostileGODEBUG runs the probe in a process where GODEBUG is against us.
func TestHostileGODEBUG(t *testing.T) {
	if os.Getenv("TLSPOLICY_PROBE") != "" {
		probeForParent(t)
		return
	}
	run := func(godebug string) map[string]accepted {
		cmd := exec.Command(os.Args[0], "-test.run=^TestHostileGODEBUG$", "-test.count=1")
		cmd.Env = append(os.Environ(), "TLSPOLICY_PROBE=1", "GODEBUG="+godebug)
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("GODEBUG=%s: %v\n%s", godebug, err, out)
		}
		got := map[string]accepted{}
		line, _, _ := strings.Cut(string(out), "\n")
		if err := json.Unmarshal([]byte(line), &got); err != nil {
			t.Fatalf("%v in %q", err, out)
		}
		return got
	}
	got := run(hostile)
	for _, p := range []Policy{Intermediate, Modern, Strict} {
		if !reflect.DeepEqual(got[p.String()], wanted(p)) {
			t.Errorf("%s: accepted %+v\nwant     %+v", p, got[p.String()], wanted(p))
		}
	}
	// The environment must have reached crypto/tls, or the above proves nothing.
	if bare := got["bare"]; !slices.Contains(bare.Versions, "TLS 1.0") || !bare.SHA1 ||
		!slices.Contains(bare.Suites12, "TLS_RSA_WITH_3DES_EDE_CBC_SHA") {
		t.Errorf("an empty tls.Config was not weakened: %+v", bare)
	}
	if got := run("tlsmlkem=0"); len(got) != 1 || len(got["no hybrid"].Versions) != 0 {
		t.Errorf("tlsmlkem=0: built %+v, want ErrNoHybrid", got)
	}
}

// probeForParent prints what each policy and an empty configuration accept.
func probeForParent(t *testing.T) {
	got := map[string]accepted{}
	cert := issue(t, nil, rsaKey(t, 2048), nil).Pair()
	if _, err := Intermediate.Server(cert); errors.Is(err, ErrNoHybrid) {
		_, clientErr := Modern.Client("mail.example.org")
		if !errors.Is(clientErr, ErrNoHybrid) {
			t.Error("Client was built without the hybrid key exchange")
		}
		got["no hybrid"] = accepted{}
	} else {
		got["bare"] = probe(t, &tls.Config{Certificates: []tls.Certificate{cert}})
		for _, p := range []Policy{Intermediate, Modern, Strict} {
			got[p.String()] = probe(t, serverOf(t, p))
		}
	}
	if err := json.NewEncoder(os.Stdout).Encode(got); err != nil {
		t.Fatal(err)
	}
}

func TestEveryFieldIsDecided(t *testing.T) {
	// Why a field may be zero; a field that is not here must be set.
	zero := map[string]string{
		"Rand":                                "zero is crypto/rand",
		"Time":                                "zero is time.Now",
		"NameToCertificate":                   "deprecated; Certificates are chosen by name",
		"GetCertificate":                      "Certificates are complete",
		"GetClientCertificate":                "no client certificates",
		"GetConfigForClient":                  "one policy for all clients",
		"VerifyPeerCertificate":               "VerifyConnection is called for resumed sessions too",
		"RootCAs":                             "zero is the roots of the system",
		"ClientCAs":                           "no client certificates",
		"ClientAuth":                          "NoClientCert is 0",
		"InsecureSkipVerify":                  "never",
		"PreferServerCipherSuites":            "ignored by crypto/tls",
		"SessionTicketKey":                    "no tickets",
		"ClientSessionCache":                  "no resumption",
		"UnwrapSession":                       "no tickets",
		"WrapSession":                         "no tickets",
		"DynamicRecordSizingDisabled":         "a matter of speed",
		"Renegotiation":                       "RenegotiateNever is 0",
		"KeyLogWriter":                        "never",
		"EncryptedClientHelloConfigList":      "no ECH",
		"EncryptedClientHelloRejectionVerify": "no ECH",
		"GetEncryptedClientHelloKeys":         "no ECH",
		"EncryptedClientHelloKeys":            "no ECH",
	}
	side := map[string]string{"Certificates": "server", "ServerName": "client", "VerifyConnection": "client"}

	client, err := Intermediate.ALPN("imap").Client("mail.example.org")
	if err != nil {
		t.Fatal(err)
	}
	for name, config := range map[string]*tls.Config{"server": serverOf(t, Intermediate), "client": client} {
		v := reflect.ValueOf(config).Elem()
		for i := range v.NumField() {
			field := v.Type().Field(i)
			_, mayBeZero := zero[field.Name]
			only, one := side[field.Name]
			want := !mayBeZero && (!one || only == name)
			if field.IsExported() && want == v.Field(i).IsZero() {
				t.Errorf("%s: field %s: zero is %v, set should be %v", name, field.Name, v.Field(i).IsZero(), want)
			}
		}
	}
}

func TestALPN(t *testing.T) {
	tests := []struct {
		server, client []string
		want           string
		refused        bool
	}{
		{nil, nil, "", false},
		{nil, []string{"imap"}, "imap", false},
		{nil, []string{"h2", "http/1.1"}, "", true},
		{nil, []string{"http/1.1", "imap"}, "imap", false},
		{[]string{"pop3"}, []string{"imap"}, "", true},
		{[]string{"pop3"}, []string{"pop3"}, "pop3", false},
		{[]string{"imap", "pop3"}, []string{"pop3"}, "pop3", false},
	}
	root := issue(t, nil, ecdsaKey(t, elliptic.P256()), nil)
	roots := x509.NewCertPool()
	roots.AddCert(root.Cert)
	for _, test := range tests {
		server, err := Modern.ALPN(test.server...).Server(root.Pair())
		if err != nil {
			t.Fatal(err)
		}
		client, err := Intermediate.ALPN(test.client...).Client("mail.example.org")
		if err != nil {
			t.Fatal(err)
		}
		client.RootCAs = roots
		state, _, err := handshake(t, server, client)
		if (err != nil) != test.refused || state.NegotiatedProtocol != test.want {
			t.Errorf("server %q, client %q: %q, %v", test.server, test.client, state.NegotiatedProtocol, err)
		}
	}
	if Intermediate.protocols != nil || Modern.protocols != nil {
		t.Error("ALPN changed the policy it was called on")
	}
}

func TestClient(t *testing.T) {
	good := issue(t, nil, ecdsaKey(t, elliptic.P256()), nil)
	weak := issue(t, nil, rsaKey(t, 1024), nil)
	tests := []struct {
		name    string
		server  *issued
		trusted *issued
		to      string
		max     uint16
		curves  []tls.CurveID
		ok      bool
		problem Problem
	}{
		{name: "good", server: good, trusted: good, to: "mail.example.org", ok: true},
		{name: "TLS 1.2", server: good, trusted: good, to: "mail.example.org", max: tls.VersionTLS12, ok: true},
		{name: "TLS 1.1", server: good, trusted: good, to: "mail.example.org", max: tls.VersionTLS11},
		{name: "P-521 only", server: good, trusted: good, to: "mail.example.org", curves: []tls.CurveID{tls.CurveP521}},
		{name: "wrong name", server: good, trusted: good, to: "imap.example.org"},
		{name: "not trusted", server: good, trusted: weak, to: "mail.example.org"},
		{name: "short RSA key", server: weak, trusted: weak, to: "mail.example.org", problem: WeakKey},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			server := &tls.Config{
				Certificates: []tls.Certificate{test.server.Pair()}, MinVersion: tls.VersionTLS10,
				MaxVersion: test.max, CurvePreferences: test.curves,
			}
			client, err := Intermediate.Client(test.to)
			if err != nil {
				t.Fatal(err)
			}
			client.RootCAs = x509.NewCertPool()
			client.RootCAs.AddCert(test.trusted.Cert)
			_, _, err = handshake(t, server, client)
			if (err == nil) != test.ok || problem(err) != test.problem {
				t.Errorf("error %v, want ok %v, problem %q", err, test.ok, test.problem)
			}
		})
	}
	for _, name := range []string{"", "mail.example.org:993", "[::1]:993"} {
		if _, err := Modern.Client(name); err == nil {
			t.Errorf("Client(%q) was built", name)
		}
	}
}

func TestServerRefusesCertificates(t *testing.T) {
	p256, rsa2048 := ecdsaKey(t, elliptic.P256()), rsaKey(t, 2048)
	cert := func(i *issued) []tls.Certificate { return []tls.Certificate{i.Pair()} }
	tests := []struct {
		name   string
		policy Policy
		certs  []tls.Certificate
		want   Problem
	}{
		{"none", Intermediate, nil, NoCertificate},
		{"empty", Intermediate, []tls.Certificate{{}}, NoCertificate},
		{"garbage", Intermediate, []tls.Certificate{{Certificate: [][]byte{{1}}}}, Malformed},
		{"no key", Intermediate, []tls.Certificate{{Certificate: [][]byte{issue(t, nil, p256, nil).Cert.Raw}}}, NoKey},
		{"other key", Intermediate, cert(&issued{Cert: issue(t, nil, p256, nil).Cert, Key: rsa2048}), Mismatch},
		{"P-384", Intermediate, cert(issue(t, nil, ecdsaKey(t, elliptic.P384()), nil)), ""},
		{"P-521", Intermediate, cert(issue(t, nil, ecdsaKey(t, elliptic.P521()), nil)), WeakKey},
		{"RSA 1024", Intermediate, cert(issue(t, nil, rsaKey(t, 1024), nil)), WeakKey},
		{"RSA 2048", Intermediate, cert(issue(t, nil, rsa2048, nil)), ""},
		{"RSA 2048, modern", Modern, cert(issue(t, nil, rsa2048, nil)), WeakKey},
		{"Ed25519", Modern, cert(issue(t, nil, testca.Ed25519(t), nil)), WeakKey},
		{"second of two", Modern, append(cert(issue(t, nil, p256, nil)), tls.Certificate{}), NoCertificate},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			config, err := test.policy.Server(test.certs...)
			if problem(err) != test.want || (err == nil) != (config != nil) {
				t.Errorf("Server: %v, want problem %q", err, test.want)
			}
		})
	}
}

// The caller's own limit on signature algorithms is kept, and his certificate
// is not changed.
func TestSignatureAlgorithmsAreLimited(t *testing.T) {
	cert := issue(t, nil, ecdsaKey(t, elliptic.P256()), nil).Pair()
	cert.SupportedSignatureAlgorithms = []tls.SignatureScheme{tls.ECDSAWithSHA1, tls.ECDSAWithP256AndSHA256}
	config, err := Intermediate.Server(cert)
	if err != nil {
		t.Fatal(err)
	}
	if got := config.Certificates[0].SupportedSignatureAlgorithms; !slices.Equal(got, []tls.SignatureScheme{tls.ECDSAWithP256AndSHA256}) {
		t.Errorf("algorithms %v", got)
	}
	if len(cert.SupportedSignatureAlgorithms) != 2 || cert.Leaf != nil {
		t.Error("the caller's certificate was changed")
	}
}

// A client that could take either gets the hybrid key exchange first.
func TestHybridLeads(t *testing.T) {
	server := serverOf(t, Intermediate)
	client, err := Intermediate.Client("mail.example.org")
	if err != nil {
		t.Fatal(err)
	}
	client.RootCAs = x509.NewCertPool()
	leaf, err := x509.ParseCertificate(server.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	client.RootCAs.AddCert(leaf)
	state, serverErr, clientErr := handshake(t, server, client)
	if serverErr != nil || clientErr != nil || state.CurveID != tls.X25519MLKEM768 || state.Version != tls.VersionTLS13 {
		t.Errorf("%v, %v, group %v, %s", serverErr, clientErr, state.CurveID, tls.VersionName(state.Version))
	}
}

"""A client by imaplib. Arguments: port of imaps, port of imap, user, password, certificate."""
import imaplib
import ssl
import sys
import time

imaps, imap, user, password, certificate = sys.argv[1:]
tls = ssl.create_default_context(cafile=certificate)


def ok(answer):
    assert answer[0] == "OK", answer
    return answer[1]


def equal(got, want):
    assert got == want, f"{got!r} is not {want!r}"


def refused(call, *args):
    try:
        answer = call(*args)
    except imaplib.IMAP4.error:
        return
    assert answer[0] in ("NO", "BAD"), answer


def message(n, subject):
    return (f"From: anna@example.org\r\nSubject: {subject}\r\nMessage-ID: <{n}@example.org>\r\n"
            f"Content-Type: text/plain; charset=utf-8\r\n\r\nmessage {n}: Grüße\r\n").encode()


plain = imaplib.IMAP4("127.0.0.1", int(imap))
assert "LOGINDISABLED" in plain.capabilities, plain.capabilities
refused(plain.login, user, password)
ok(plain.starttls(tls))
assert "LOGINDISABLED" not in plain.capabilities, plain.capabilities
refused(plain.login, user, "wrong")
ok(plain.login(user, password))

c = imaplib.IMAP4_SSL("127.0.0.1", int(imaps), ssl_context=tls)
ok(c.authenticate("PLAIN", lambda _: f"\0{user}\0{password}".encode()))
equal(c.state, "AUTH")

# mailboxes
ok(c.create("One"))
refused(c.create, "One")
ok(c.create("One/Deep"))
ok(c.rename("One", "Two"))
names = [line.decode().rsplit(" ", 1)[1].strip('"') for line in ok(c.list())]
assert "Two" in names and "Two/Deep" in names and "One" not in names and "INBOX" in names, names
ok(c.delete("Two/Deep"))
ok(c.subscribe("Two"))
assert any(b"Two" in line for line in ok(c.lsub())), c.lsub()
ok(c.unsubscribe("Two"))
assert ok(c.namespace())[0].startswith(b'(("" "/"))'), c.namespace()

# messages
for n in range(1, 11):
    ok(c.append("Two", r"(\Seen)" if n % 2 else None, '"23-Nov-2026 10:00:00 +0100"', message(n, f"number {n}")))
ok(c.append("Two", None, None, message(11, "=?utf-8?q?Gr=C3=BC=C3=9Fe?=")))
equal(ok(c.select("Two")), [b"11"])
equal(ok(c.fetch("3", "(RFC822)"))[0][1], message(3, "number 3"))
equal(ok(c.fetch("4", "(BODY.PEEK[])"))[0][1], message(4, "number 4"))
assert b"\\Seen" not in ok(c.fetch("4", "(FLAGS)"))[0]
equal(ok(c.fetch("4", "(BODY[TEXT])"))[0][1], "message 4: Grüße\r\n".encode())
assert b"\\Seen" in ok(c.fetch("4", "(FLAGS)"))[0]
equal(time.mktime(imaplib.Internaldate2tuple(ok(c.fetch("4", "(INTERNALDATE)"))[0])), 1795424400.0)
equal(ok(c.fetch("1", "(BODY.PEEK[HEADER.FIELDS (SUBJECT)])"))[0][1], b"Subject: number 1\r\n\r\n")
equal(len(ok(c.fetch("1:*", "(UID RFC822.SIZE ENVELOPE BODYSTRUCTURE)"))), 11)

# searches
equal(ok(c.search(None, "SUBJECT", '"number 1"')), [b"1 10"])
equal(ok(c.search(None, "UNSEEN")), [b"2 6 8 10 11"])
for key in (b"SUBJECT", b"BODY"):
    c.literal = "grüße".encode()
    found = ok(c.search("UTF-8", key.decode()))
    equal(found, [b"11"] if key == b"SUBJECT" else [b"1 2 3 4 5 6 7 8 9 10 11"])
c.literal = "GRÜSSE".encode("latin-1")
equal(ok(c.search("ISO-8859-1", "NOT", "BODY")), [b"1 2 3 4 5 6 7 8 9 10 11"])
refused(c.search, "X-UNKNOWN", "ALL")

# changes
ok(c.store("2", "+FLAGS", r"(\Flagged $Important)"))
assert b"$Important" in ok(c.fetch("2", "(FLAGS)"))[0]
ok(c.store("2", "-FLAGS.SILENT", r"(\Flagged)"))
assert b"\\Flagged" not in ok(c.fetch("2", "(FLAGS)"))[0]
ok(c.copy("1:2", "Archive"))
refused(c.copy, "1", "Nowhere")
ok(c.uid("MOVE", "3:4", "Archive"))
equal(c.response("EXPUNGE")[1], [b"3", b"3"])
equal(ok(c.search(None, "ALL")), [b"1 2 3 4 5 6 7 8 9"])
ok(c.store("1", "+FLAGS", r"\Deleted"))
ok(c.uid("STORE", "5", "+FLAGS", r"(\Deleted)"))
assert ok(c.expunge()) in ([b"1", b"2"], [b"3", b"1"])
equal(ok(c.uid("SEARCH", "ALL")), [b"2 6 7 8 9 10 11"])
equal(ok(c.status("Archive", "(MESSAGES UIDNEXT UNSEEN)"))[0].replace(b'"', b""), b"Archive (MESSAGES 4 UIDNEXT 5 UNSEEN 1)")
ok(c.select("Archive", readonly=True))
equal([ok(c.fetch(str(i), "(BODY[])"))[0][1] for i in range(1, 5)], [message(n, f"number {n}") for n in range(1, 5)])
refused(c.store, "1", "+FLAGS", r"\Deleted")
ok(c.unselect())

# IDLE, by hand
ok(c.select("Two"))
c.send(b"idle1 IDLE\r\n")
assert c.readline().startswith(b"+ "), "IDLE"
ok(plain.append("Two", None, None, message(12, "while idle")))
seen = []
while not any(b" EXISTS" in line for line in seen):
    seen.append(c.readline())
assert b"* 8 EXISTS\r\n" in seen, seen
c.send(b"DONE\r\n")
while not seen[-1].startswith(b"idle1 "):
    seen.append(c.readline())
assert seen[-1].startswith(b"idle1 OK"), seen
ok(c.noop())
ok(c.close())
for client in (c, plain):
    equal(client.logout()[0], "BYE")
print("all done")

// Package wire is the IMAP codec of a server: a [Decoder] of the commands of clients and an [Encoder] of responses
// (RFC 9051 and RFC 3501, section 9; RFC 4466; RFC 7888). It knows no state, no network and nothing of storage.
//
// # Reading commands
//
//	dec := wire.NewDecoder(bufio.NewReader(conn))
//	dec.OnLiteral = func(lit wire.Literal) error { // before any literal is read
//		if lit.Size > appendLimit {
//			return errTooBig // the answer to the command: see Err
//		}
//		if !lit.NonSync {
//			enc.Continue("OK")
//			return enc.Flush()
//		}
//		return nil
//	}
//	for {
//		if err := dec.Next(); err != nil {
//			return err // io.EOF, ErrLostSync, or an error of the connection: close
//		}
//		ok := dec.ExpectTag(&tag) && dec.ExpectSP() && dec.ExpectKeyword(&name, "a command")
//		...
//		switch string(name) { // upper case
//		case "RENAME":
//			ok = dec.ExpectSP() && dec.ExpectMailbox(&from) && dec.ExpectSP() && dec.ExpectMailbox(&to) && dec.ExpectCRLF()
//		case "STATUS":
//			ok = dec.ExpectSP() && dec.ExpectMailbox(&from) && dec.ExpectSP() && dec.ExpectList(func() bool {
//				return dec.ExpectKeyword(&item, "a status item") && addItem(item)
//			}) && dec.ExpectCRLF()
//		case "APPEND":
//			ok = dec.ExpectSP() && dec.ExpectMailbox(&to) && dec.ExpectSP()
//			if ok && dec.FlagList(&flags) {
//				ok = dec.ExpectSP()
//			}
//			if ok && dec.DateTime(&date) {
//				ok = dec.ExpectSP()
//			}
//			if ok = ok && dec.ExpectLiteral(&lit, &body); ok {
//				... // read lit.Size octets from body
//				ok = dec.ExpectCRLF()
//			}
//		}
//		if !ok {
//			var bad *wire.SyntaxError
//			if errors.As(dec.Err(), &bad) {
//				enc.Status(tag, "BAD", "", bad.Error())
//			} ...
//		}
//		enc.Flush()
//	}
//
// Next skips whatever is left of the command before, so that a refused command never leaves octets that would be taken for
// a new one. A command may be run only after ExpectCRLF was true. To wait for
// a command without holding buffers, call Release and then Peek on the bufio.Reader. Lines that are no commands, the
// answers to a continuation request of AUTHENTICATE and the DONE of IDLE, are read by Next and
// their tokens as well.
//
// The tokens, each as Name and ExpectName unless noted:
//
//   - Tag, Keyword (upper case), Word (one given keyword), Atom, AString, String, NString, Literal8 (no Expect)
//   - SP, CRLF, Byte, OpenList, CloseList, List
//   - Number, NZNumber (32 bits), Number64, ModSeq (63 bits)
//   - Mailbox, ListMailbox, Flag, FlagList, ExpectFlags
//   - SeqSet, UIDSet
//   - Date, DateTime
//   - SectionPart (1.2.3), Partial (<0.100>), no Expect; with Keyword, Byte and List they read BODY.PEEK[1.HEADER.FIELDS (TO)]<0.9>
//   - Base64
//   - Literal: streamed
//   - Expected makes an error of the caller's own
//
// # Writing responses
//
//	enc.Tag(nil).SP().Number(seq).Raw(" FETCH (UID ").Number(uid).Raw(" FLAGS ").Flags(flags).Byte(')').CRLF()
//	enc.Raw("* LIST ").Flags(attrs).SP().Quoted("/").SP().Mailbox(name).CRLF()
//	enc.Tag(tag).Raw(" OK ").OpenCode("APPENDUID").SP().Number(validity).SP().Number(uid).CloseCode().Text("done").CRLF()
//	enc.Status(tag, "NO", "TRYCREATE", "no such mailbox")
//	enc.Raw("* 1 FETCH (BODY[] ").Literal(size).Copy(file, size)
//	enc.Byte(')').CRLF()
//	err := enc.Flush()
//
// # Names and numbers
//
// [NumSet] holds sequence numbers or UIDs. [EncodeUTF7] and [DecodeUTF7] convert mailbox names.
package wire

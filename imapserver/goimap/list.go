package goimap

import (
	"context"
	"errors"

	"github.com/emersion/go-imap/v2"
	"github.com/emersion/go-imap/v2/imapserver"

	"github.com/mailhavn/mailhavn/imapserver/internal/names"
	"github.com/mailhavn/mailhavn/storage"
)

// maxPatterns bounds the patterns of one LIST.
const maxPatterns = 100

// List is LIST and LSUB (RFC 9051, section 6.3.9).
func (s *Session) List(w *imapserver.ListWriter, ref string, patterns []string, options *imap.ListOptions) error {
	return s.do(reads, func(ctx context.Context) error {
		switch n := len(patterns); {
		case n == 0:
			return w.WriteList(&imap.ListData{Attrs: []imap.MailboxAttr{imap.MailboxAttrNoSelect}, Delim: names.Separator})
		case n > maxPatterns:
			return no(imap.ResponseCodeLimit, "Too many patterns")
		}
		selection := selectionOf(ref, patterns, options)
		chosen, err := selection.Choose(ctx, names.Of(s.account))
		if err != nil {
			return err
		}
		for _, e := range chosen {
			data := &imap.ListData{Attrs: attributes(e, options), Delim: names.Separator, Mailbox: e.Info.Name}
			if e.Below {
				data.ChildInfo = &imap.ListDataChildInfo{Subscribed: true}
			}
			if options.ReturnStatus != nil && e.Exists && e.Meets {
				data.Status, err = s.status(ctx, e.Info.Name, options.ReturnStatus)
			}
			if err != nil && !errors.Is(err, storage.ErrNoMailbox) { // just removed, else
				return err
			}
			if err := w.WriteList(data); err != nil {
				return err
			}
		}
		return nil
	})
}

// selectionOf returns what a LIST asks for. All mailboxes are local, so that REMOTE adds none.
func selectionOf(ref string, patterns []string, o *imap.ListOptions) names.Selection {
	selection := names.Selection{Subscribed: o.SelectSubscribed, Recursive: o.SelectRecursiveMatch}
	for _, p := range patterns {
		selection.Patterns = append(selection.Patterns, names.NewPattern(names.Join(ref, p)))
	}
	if o.SelectSubscribed {
		selection.Criteria = append(selection.Criteria, names.IsSubscribed)
	}
	if o.SelectSpecialUse {
		selection.Criteria = append(selection.Criteria, names.HasSpecialUse)
	}
	return selection
}

// attributes returns what LIST tells of a name. A plain LIST tells of children, too (RFC 3348, section 3).
func attributes(e *names.Entry, o *imap.ListOptions) []imap.MailboxAttr {
	var attrs []imap.MailboxAttr
	for _, use := range names.SpecialUses(e.Info.SpecialUse) {
		attrs = append(attrs, imap.MailboxAttr(use))
	}
	if !e.Exists {
		attrs = append(attrs, imap.MailboxAttrNonExistent, imap.MailboxAttrNoSelect)
	}
	switch told := o.ReturnChildren || *o == (imap.ListOptions{}); {
	case told && e.Inferiors:
		attrs = append(attrs, imap.MailboxAttrHasChildren)
	case told:
		attrs = append(attrs, imap.MailboxAttrHasNoChildren)
	}
	if e.Subscribed && (o.SelectSubscribed || o.ReturnSubscribed) {
		attrs = append(attrs, imap.MailboxAttrSubscribed)
	}
	return attrs
}

// Namespace is NAMESPACE (RFC 2342): all mailboxes are the user's own.
func (s *Session) Namespace() (*imap.NamespaceData, error) {
	return &imap.NamespaceData{Personal: []imap.NamespaceDescriptor{{Delim: names.Separator}}}, nil
}

// Status is STATUS.
func (s *Session) Status(name string, options *imap.StatusOptions) (data *imap.StatusData, err error) {
	err = s.do(reads, func(ctx context.Context) error {
		data, err = s.status(ctx, name, options)
		return err
	})
	return data, err
}

func (s *Session) status(ctx context.Context, name string, options *imap.StatusOptions) (*imap.StatusData, error) {
	mbox, err := s.account.Mailbox(name)
	if err != nil {
		return nil, err
	}
	info, ok := mbox.Info()
	if !ok {
		return nil, storage.ErrNoMailbox
	}
	data := &imap.StatusData{
		Mailbox: info.Name, UIDNext: imap.UID(info.UIDNext), UIDValidity: info.UIDValidity, AppendLimit: &s.maxMessage,
		NumMessages: &info.Messages, NumUnseen: &info.Unseen, NumDeleted: &info.Deleted, Size: &info.Size,
		NumRecent: new(uint32), DeletedStorage: new(int64),
	}
	if !options.NumRecent && !options.DeletedStorage {
		return data, nil
	}
	view, err := mbox.View(ctx)
	if err != nil {
		return nil, err
	}
	recent := mbox.Recent()
	for _, m := range view.All() {
		if m.UID >= recent {
			*data.NumRecent++
		}
		if m.Flags&storage.Deleted != 0 {
			*data.DeletedStorage += int64(m.Size)
		}
	}
	return data, nil
}

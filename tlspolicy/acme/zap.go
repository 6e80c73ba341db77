package acme

import (
	"context"
	"log/slog"
	"maps"
	"slices"

	"go.uber.org/zap/zapcore"
)

// zapCore passes what certmagic logs on to a slog.Handler. What certmagic calls information is of interest only when something is looked into.
type zapCore struct{ slog.Handler }

var slogLevels = map[zapcore.Level]slog.Level{zapcore.DebugLevel: slog.LevelDebug, zapcore.InfoLevel: slog.LevelDebug, zapcore.WarnLevel: slog.LevelWarn}

func level(l zapcore.Level) slog.Level {
	if level, ok := slogLevels[l]; ok {
		return level
	}
	return slog.LevelError
}

func (c zapCore) Enabled(l zapcore.Level) bool {
	return c.Handler.Enabled(context.Background(), level(l))
}

func (c zapCore) With(fields []zapcore.Field) zapcore.Core {
	return zapCore{c.WithAttrs(attrs(fields))}
}

func (c zapCore) Check(e zapcore.Entry, checked *zapcore.CheckedEntry) *zapcore.CheckedEntry {
	if c.Enabled(e.Level) {
		return checked.AddCore(e, c)
	}
	return checked
}

func (c zapCore) Write(e zapcore.Entry, fields []zapcore.Field) error {
	r := slog.NewRecord(e.Time, level(e.Level), "acme: "+e.Message, 0)
	r.AddAttrs(attrs(fields)...)
	return c.Handle(context.Background(), r)
}

func (zapCore) Sync() error { return nil }

func attrs(fields []zapcore.Field) (all []slog.Attr) {
	values := zapcore.NewMapObjectEncoder()
	for _, f := range fields {
		f.AddTo(values)
	}
	for _, key := range slices.Sorted(maps.Keys(values.Fields)) {
		all = append(all, slog.Any(key, values.Fields[key]))
	}
	return all
}

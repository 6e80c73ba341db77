package imapserver

import "time"

// extSaveDate is the time at which a message came into its mailbox (RFC 8514). Every mailbox has it.
func extSaveDate() extension {
	const rfc = "RFC 8514, section 4.3"
	return extension{
		file:         "savedate",
		capabilities: []capability{{name: "SAVEDATE", rfc: "RFC 8514, section 4.1"}},
		fetchItems: []fetchItem{{"SAVEDATE", "RFC 8514, section 4.2", column(func(f *fetching) {
			f.conn.enc.Raw("SAVEDATE ").DateTime(time.Unix(f.m.SaveDate, 0).UTC())
		})}},
		searchKeys: []searchKey{
			{"SAVEDBEFORE", rfc, dateKey(fromView, savedDay, func(day, n int64) bool { return day < n })},
			{"SAVEDON", rfc, dateKey(fromView, savedDay, func(day, n int64) bool { return day == n })},
			{"SAVEDSINCE", rfc, dateKey(fromView, savedDay, func(day, n int64) bool { return day >= n })},
			{"SAVEDATESUPPORTED", rfc, columnKey(func(*candidate) bool { return true })},
		},
	}
}

func savedDay(m *candidate) (int64, bool, error) { return floorDay(m.m.SaveDate), true, nil }

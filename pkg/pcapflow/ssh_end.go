package pcapflow

// EndedBy is the side whose FIN or RST came first, "client" or "server" as in s; "": the
// capture does not hold the end.
func (s *SSH) EndedBy(f *Flow) string {
	if !f.endAt().Seen() {
		return ""
	}
	by := f.endedBy()
	if s.Turned {
		by = by.Other()
	}
	return by.String()
}

// endAt is the first FIN or RST.
func (f *Flow) endAt() Stamp {
	if f.Conn == nil {
		return Stamp{}
	}
	at := earliest(f.Conn.FIN[Client], f.Conn.FIN[Server])
	for _, r := range f.Conn.RST {
		at = earliest(at, r.Stamp)
	}
	return at
}

// ending adds how long a connection went on that never logged in (OpenSSH's server ends
// it after LoginGraceTime, 120 s as it comes), and how long one that did was silent
// before it ended.
func (s *SSH) ending(m *metrics, f *Flow, begin Stamp) {
	at := f.endAt()
	switch {
	case !at.Seen():
	case s.Auth == "success":
		m.phase = SSHSession
		if last := latest(f.LastPayload[Client], f.LastPayload[Server]); last.Time <= at.Time {
			m.between("silent_before_end_seconds", last, at, 0)
		}
	case s.Auth != "unknown":
		m.phase = SSHBanner
		m.between("ended_before_login_seconds", begin, at, 0)
	}
}

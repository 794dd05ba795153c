package pcapflow

// history gathers what both sides of a connection have sent: Zeek's history
// (capitals are the client's). Its beginning is in flow.beginning.
type history struct {
	text  [maxHistory - historyBeginning]byte
	n     uint8
	times [2][3]int64 // of the letters written again at 10, 100, …
}

const (
	maxHistory       = 40
	historyBeginning = 11 // letters that need no tcpStory
)

// Letters of Zeek's history, by their place in historyText.
const (
	letterSYN = iota
	letterSYNACK
	letterACK
	letterData
	letterFIN
	letterRST
	letterFlags  // SYN with FIN or RST
	letterFINRST // FIN with RST
	letterAgain  // payload sent again
	letterGap    // payload the capture lacks
	letterClosed // a window of zero
)

const historyText = "shadfrqitgw"

// Wireshark's bits of tcp.completeness.
const (
	completeSYN = 1 << iota
	completeSYNACK
	completeACK
	completeData
	completeFIN
	completeRST
)

// tell notes in the history one segment of side d.
func (e *engine) tell(f *flow, h *header, d Dir) {
	letter, bit := letterACK, uint8(completeACK)
	if h.length > 0 {
		letter, bit = letterData, completeData
	}
	if h.flags&(flagSYN|flagFIN|flagRST) != 0 {
		e.tellFlags(f, h, d)
	} else if f.letters&(1<<(2*letter+int(d))) == 0 && (h.length > 0 || h.flags&flagACK != 0) {
		if h.flags&flagACK != 0 {
			f.complete |= bit
		}
		e.once(f, letter, d)
	}
}

// tellFlags notes a segment with SYN, FIN or RST.
func (e *engine) tellFlags(f *flow, h *header, d Dir) {
	fl := h.flags
	switch {
	case fl&flagSYN != 0 && fl&(flagFIN|flagRST) != 0:
		e.once(f, letterFlags, d)
	case fl&flagFIN != 0 && fl&flagRST != 0:
		e.once(f, letterFINRST, d)
	case fl&flagSYN != 0 && fl&flagACK != 0:
		e.once(f, letterSYNACK, d)
	case fl&flagSYN != 0:
		e.once(f, letterSYN, d)
	case fl&flagRST != 0:
		e.once(f, letterRST, d)
	default:
		if h.length > 0 {
			e.once(f, letterData, d)
		}
		e.once(f, letterFIN, d)
	}
	switch fl & (flagSYN | flagACK) {
	case flagSYN:
		if f.complete == 0 {
			f.complete = completeSYN
		}
		if h.length > 0 { // fast open
			f.complete |= completeData
		}
	case flagSYN | flagACK:
		f.complete |= completeSYNACK
	case flagACK:
		if h.length > 0 {
			f.complete |= completeData
		} else {
			f.complete |= completeACK
		}
	}
	if fl&(flagFIN|flagACK) == flagFIN|flagACK { // as Wireshark counts
		f.complete |= completeFIN
	}
	if fl&flagRST != 0 {
		f.complete |= completeRST
	}
}

// once writes a letter the first time side d deserves it.
func (e *engine) once(f *flow, letter int, d Dir) {
	bit := uint32(1) << (2*letter + int(d))
	if f.letters&bit == 0 {
		f.letters |= bit
		e.write(f, letter, d)
	}
}

// counted writes a letter the first, tenth, hundredth … time.
func (e *engine) counted(f *flow, letter int, d Dir) {
	n := &e.story(f).history.times[d][letter-letterAgain]
	*n++
	for k := int64(1); k <= *n; k *= 10 {
		if k == *n {
			e.write(f, letter, d)
		}
	}
}

func (e *engine) write(f *flow, letter int, d Dir) {
	x := historyText[letter]
	if d == Client {
		x -= 'a' - 'A'
	}
	if n := int(f.begun); n < len(f.beginning) {
		f.beginning[n] = x
		f.begun++
		return
	}
	if y := &e.story(f).history; int(y.n) < len(y.text) {
		y.text[y.n] = x
		y.n++
	}
}

// has tells whether side d has deserved a letter.
func (f *flow) has(letter int, d Dir) bool {
	return f.letters&(1<<(2*letter+int(d))) != 0
}

// history is Zeek's, with '^' before it where the server sent the first packet.
func (f *flow) history(env *Env) string {
	var room [maxHistory + 1]byte
	b := room[:0]
	if f.turnedFirst {
		b = append(b, '^')
	}
	b = append(b, f.beginning[:f.begun]...)
	if !f.usual() {
		y := &f.tcp.story.history
		b = append(b, y.text[:y.n]...)
	}
	return env.text(b)
}

// connState is Zeek's conn_state.
func (f *flow) connState() string {
	none := [2]bool{f.packets[Client] == 0, f.packets[Server] == 0}
	reset := [2]bool{f.has(letterRST, Client), f.has(letterRST, Server)}
	fin := [2]bool{f.side[Client].fin, f.side[Server].fin}
	syn := f.has(letterSYN, Client)
	switch {
	case reset[Server] && !(fin[Client] && fin[Server]):
		switch {
		case none[Client]:
			return "RSTRH"
		case syn && !f.steady && !f.has(letterData, Server):
			return "REJ"
		}
		return "RSTR"
	case reset[Client] && !(fin[Client] && fin[Server]):
		if none[Server] {
			return "RSTOS0"
		}
		return "RSTO"
	case fin[Client] && fin[Server]:
		return "SF"
	case fin[Client]:
		if none[Server] {
			return "SH"
		}
		return "S2"
	case fin[Server]:
		if none[Client] {
			return "SHR"
		}
		return "S3"
	case syn && none[Server]:
		return "S0"
	case f.steady && f.side[Client].syn && f.side[Server].syn:
		return "S1"
	}
	return "OTH"
}

// rerouted notes that the packets of side d come with another TTL.
func (e *engine) rerouted(f *flow, d Dir, was uint8) {
	if was == 0 { // its first packet
		return
	}
	h, r := e.h, &e.story(f).conn.Rerouted[d]
	if !r.Seen() {
		r.Stamp, r.From, r.To = h.stamp, was, h.ttl
	}
	r.Changes++
}

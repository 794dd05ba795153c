package pcapflow

// history gathers what both sides of a connection have sent: Zeek's history
// (capitals are the client's) and Wireshark's completeness.
type history struct {
	text     [maxHistory]byte
	n        uint8
	complete uint8
	seen     uint32      // letters written, two bits a letter
	times    [2][3]int64 // of the letters written again at 10, 100, …
}

const maxHistory = 40

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

// packet notes one segment of side d.
func (y *history) packet(h *header, d Dir) {
	if h.flags&(flagSYN|flagFIN|flagRST) == 0 {
		if h.length > 0 {
			y.completes(completeData)
			y.once(letterData, d)
		} else if h.flags&flagACK != 0 {
			y.completes(completeACK)
			y.once(letterACK, d)
		}
		return
	}
	y.closing(h, d)
}

// completes sets a bit, which means something only behind a SYN or SYN-ACK.
func (y *history) completes(bit uint8) {
	if y.complete != 0 {
		y.complete |= bit
	}
}

// closing notes a segment with SYN, FIN or RST.
func (y *history) closing(h *header, d Dir) {
	fl := h.flags
	switch {
	case fl&flagSYN != 0 && fl&(flagFIN|flagRST) != 0:
		y.once(letterFlags, d)
	case fl&flagFIN != 0 && fl&flagRST != 0:
		y.once(letterFINRST, d)
	case fl&flagSYN != 0 && fl&flagACK != 0:
		y.once(letterSYNACK, d)
	case fl&flagSYN != 0:
		y.once(letterSYN, d)
	case fl&flagRST != 0:
		y.once(letterRST, d)
	default:
		if h.length > 0 {
			y.once(letterData, d)
		}
		y.once(letterFIN, d)
	}
	switch fl & (flagSYN | flagACK) {
	case flagSYN:
		if y.complete == 0 {
			y.complete = completeSYN
		}
	case flagSYN | flagACK:
		y.complete |= completeSYNACK
	case flagACK:
		if h.length > 0 {
			y.completes(completeData)
		} else {
			y.completes(completeACK)
		}
	}
	if fl&flagFIN != 0 {
		y.completes(completeFIN)
	}
	if fl&flagRST != 0 {
		y.completes(completeRST)
	}
}

// once writes a letter the first time side d deserves it.
func (y *history) once(letter int, d Dir) {
	bit := uint32(1) << (2*letter + int(d))
	if y.seen&bit == 0 {
		y.seen |= bit
		y.write(letter, d)
	}
}

// counted writes a letter the first, tenth, hundredth … time.
func (y *history) counted(letter int, d Dir) {
	n := &y.times[d][letter-letterAgain]
	*n++
	for k := int64(1); k <= *n; k *= 10 {
		if k == *n {
			y.write(letter, d)
		}
	}
}

func (y *history) write(letter int, d Dir) {
	if int(y.n) == len(y.text) {
		return
	}
	x := historyText[letter]
	if d == Client {
		x -= 'a' - 'A'
	}
	y.text[y.n] = x
	y.n++
}

func (y *history) has(letter int, d Dir) bool {
	return y.seen&(1<<(2*letter+int(d))) != 0
}

// connState is Zeek's conn_state.
func (f *flow) connState() string {
	y := &f.tcp.history
	none := [2]bool{f.packets[Client] == 0, f.packets[Server] == 0}
	reset := [2]bool{y.has(letterRST, Client), y.has(letterRST, Server)}
	fin := [2]bool{f.side[Client].fin, f.side[Server].fin}
	syn := y.has(letterSYN, Client)
	switch {
	case reset[Server] && !(fin[Client] && fin[Server]):
		switch {
		case none[Client]:
			return "RSTRH"
		case syn && !f.steady && !y.has(letterData, Server):
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
func (f *flow) rerouted(h *header, d Dir, was uint8) {
	r := &f.tcp.conn.Rerouted[d]
	if was == 0 { // its first packet
		return
	}
	if !r.Seen() {
		r.Stamp, r.From, r.To = h.stamp, was, h.ttl
	}
	r.Changes++
}

package pcapflow

// Verdict of a probe.
type Verdict uint8

const (
	No    Verdict = iota // not this protocol
	Maybe                // more bytes, or the other direction, are needed
	Yes
)

// Dissector recognises one protocol by content and follows it.
//
// Adding a protocol is one file with one Dissector, one line in the table
// dissectors, and test data.
type Dissector struct {
	Name      string // the service's name in reports: "tls", "ssh", "dns", …
	Transport Transport
	// Probe sees the first bytes each side sent (either may still be empty)
	// and the server's port, which is a hint only. It must not keep them.
	Probe func(first [2][]byte, port uint16) Verdict
	// Open starts to follow f. What the stream learns goes into f.
	Open func(f *Flow, env *Env) Stream
}

// Env is what dissectors share within one capture.
type Env struct {
	Keys *KeyLog // nil: no secrets known

	pieces    int // fragments of the datagram at hand; 0: it came whole
	multicast multicastAsked
	ntp       ntpAsked
	crossed   ntpCrossed
	pools     pools
}

// Stream receives what one flow carried, in order.
//
// Over TCP, Data gets the bytes as the receiving application could read them:
// contiguous, without repetition; at is the instant they became readable and
// never goes backwards within a direction. Over UDP each datagram is one call.
// b is valid during the call only. No method may panic on any input.
type Stream interface {
	Data(d Dir, at Stamp, b []byte)
	Gap(d Dir, at Stamp, n int64) // n bytes that the capture lacks; the stream goes on behind them
	Close(at Stamp)               // the flow ended, or the capture did
}

// Idler is a Stream that can say that it needs no more bytes of its flow.
type Idler interface {
	// Idle tells that Data and Gap need not be called any more; Close still is.
	// It is asked after calls of Data and Gap. What it says once stays true.
	Idle() bool
}

// Satisfied is a Stream over UDP that can say that it expects nothing more, so
// that its flow may end after a short silence and its memory be used again.
type Satisfied interface {
	// Satisfied is asked after each datagram: all requests have their answers,
	// and this kind of client is not known to ask again from the same port.
	Satisfied() bool
}

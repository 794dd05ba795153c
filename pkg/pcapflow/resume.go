package pcapflow

import (
	"golang.org/x/net/http2/hpack"

	"github.com/flowcorr/flowcorr/internal/freeze"
)

// Analysis takes the packets of one capture point piece by piece, file after
// file, as Analyse takes those of a whole. Between two pieces it can be kept, and
// gone on with by another process: what is kept follows the flows that are open,
// not what they have carried.
//
// It hands flows out; Options.OnFlow is needed, and Frames are not gathered.
type Analysis struct{ e *engine }

// NewAnalysis is one that has taken nothing yet.
func NewAnalysis(opt Options) *Analysis {
	opt.Frames = false
	e := newEngine(nil, opt)
	return &Analysis{e}
}

// Take takes all packets of src, which go on where those before ended: frames
// and clocks are numbered through, as capture.Set does. The error is the
// source's, other than io.EOF; what was read before it counts.
func (a *Analysis) Take(src PacketSource) error {
	a.e.desc, _ = src.(describedSource)
	return a.e.takeAll(src, func() {})
}

// End hands out the flows that are open, and tells of the capture as a whole.
// Nothing can be taken after it.
func (a *Analysis) End() *Result {
	a.e.end()
	return a.e.res
}

// kept is what an analysis is made of between two pieces, as the engine has it.
// Rooms and caches of ended flows are not: no result depends on them.
type kept struct {
	Res        *Result
	Encaps     *encapsulations
	Parts      *fragments
	Copies     *copyTable
	Table      *flowTable
	Logs       *sentLogs
	Wheel      *wheel
	Held       *int
	Streams    *[OtherTransport + 1]int
	Neighbours *neighbours
	Echoes     *echoes
	Point      *capturePoint
	Protocols  *[256]int64
	Previous   *int64
	Multicast  *multicastAsked
}

func (e *engine) kept() *kept {
	return &kept{
		e.res, &e.encaps, &e.parts, &e.copies, &e.table, &e.logs, &e.wheel, &e.held, &e.streams, &e.neighbours, &e.echoes, &e.point,
		&e.protocols, &e.previous, &e.env.multicast,
	}
}

// outside are what kept flows point to that is not kept with them.
func (e *engine) outside() []any {
	out := []any{&e.env, &e.env.pools.asked, &e.env.pools.guesses, &e.env.pools.guessed, e.opt.Keys}
	for _, d := range dissectors {
		out = append(out, d)
	}
	return out
}

// keeper keeps analyses.
var keeper = func() *freeze.Codec {
	c := freeze.New(streamKinds...)
	freeze.Rebuild(c, quicKeysBytes, quicKeysOf)
	freeze.Leave[func(hpack.HeaderField)](c, (*http2).listen)
	return c
}()

// streamKinds are the types of all that follows what flows carry.
var streamKinds = []any{
	&dnsDatagrams{}, &dnsSegments{}, &httpStream{}, &ntpFlow{}, &quicStream{}, &sshStream{}, &startTLSStream{}, &tlsStream{},
}

func quicKeysBytes(k *quicKeys) []byte {
	v := k.version
	return append([]byte{byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)}, k.dcid...)
}

func quicKeysOf(b []byte) *quicKeys {
	if len(b) < 4 {
		return nil
	}
	return newQUICKeys(be32(b), b[4:])
}

// Keep adds to b all that Resume needs to go on. An error says what cannot be
// kept: connections that are being decrypted.
func (a *Analysis) Keep(b []byte) ([]byte, error) {
	return keeper.Encode(b, a.e.kept(), a.e.outside()...)
}

// Resume goes on where an analysis was kept by the same version of the program,
// with the same options. It returns the bytes behind those of the analysis.
func Resume(b []byte, opt Options) (*Analysis, []byte, error) {
	a := NewAnalysis(opt)
	e := a.e
	k := &kept{}
	rest, err := keeper.Decode(b, k, e.outside()...)
	if err != nil {
		return nil, nil, err
	}
	e.res, e.encaps, e.parts, e.copies, e.table, e.logs, e.wheel = k.Res, *k.Encaps, *k.Parts, *k.Copies, *k.Table, *k.Logs, *k.Wheel
	e.held, e.streams, e.neighbours, e.echoes, e.point = *k.Held, *k.Streams, *k.Neighbours, *k.Echoes, *k.Point
	e.protocols, e.previous, e.env.multicast = *k.Protocols, *k.Previous, *k.Multicast
	return a, rest, nil
}

// flowKeeper keeps flows on their own.
var flowKeeper = func() *freeze.Codec { c := freeze.New(); c.EmptyIsNil = true; return c }()

// AppendFlow adds a flow to b in a compact form of this version of the program,
// which FlowOf reads; equal flows give equal bytes. So kept they can lie on disk
// until they are needed.
func AppendFlow(b []byte, f *Flow) ([]byte, error) { return flowKeeper.Encode(b, f) }

// FlowOf reads what AppendFlow wrote.
func FlowOf(b []byte) (*Flow, error) {
	f := new(Flow)
	_, err := flowKeeper.Decode(b, f)
	return f, err
}

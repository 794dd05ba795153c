package render

import "encoding/json"

// Bounds of the data in the page.
const (
	mostJourneys = 20000
	mostData     = 11_000_000 // bytes of journeys and texts; journeys beyond are left out
	farOff       = 1e15       // µs, an open bound
	mostDetails  = 7_000_000  // the same; journeys beyond have their phases alone, without instants and lines
)

// htmlCauses are those that the style has a colour for.
var htmlCauses = []string{"dns", "resolver-retry", "neighbour", "network", "server", "client", "loss", "tls", "window", "delayed-ack", "idle"}

// Everything the script draws from. Instants are µs since Base on the reference
// clock (as written where that is not known), durations µs; strings are indices
// of Texts, which are printable. What is unknown is left out.
type htmlData struct {
	Base     int64             `json:"base"` // µs since the Unix epoch
	Focus    string            `json:"focus,omitempty"`
	Texts    []string          `json:"texts"`
	Words    map[string]string `json:"words"`
	Phases   []htmlWord        `json:"phases"`
	Causes   []htmlWord        `json:"causes"`
	Outcomes []htmlWord        `json:"outcomes"`
	Moments  []htmlWord        `json:"moments"`
	Files    []htmlFile        `json:"files"`
	Clocks   []htmlClock       `json:"clocks"`
	Findings []htmlFinding     `json:"findings"`
	Journeys []json.RawMessage `json:"journeys"`
	Left     int               `json:"left,omitempty"` // journeys that are not here
	Bare     int               `json:"bare,omitempty"` // journeys without instants and lines
}

// htmlWord is a word of the contract: its class in the style, and as people
// read it.
type htmlWord struct {
	Class string `json:"c"`
	Word  string `json:"w"`
	Name  string `json:"n,omitempty"` // of a phase, as it stands in the JSON report
	Bad   bool   `json:"bad,omitempty"`
}

type htmlFile struct {
	Path    int    `json:"p"`
	Vantage string `json:"v,omitempty"` // client | server | middle
	Side    string `json:"s"`           // who wrote it: client | server | resolver; captures: none
	Clock   int    `json:"k"`           // index; -1: none
	From    *int64 `json:"a,omitempty"`
	To      *int64 `json:"z,omitempty"`
}

type htmlClock struct {
	Name     int       `json:"n"`
	Status   string    `json:"s"`
	Segments [][]int64 `json:"g,omitempty"` // from and to by the reference clock, offset, low, high, offset at the end, low, high there, 1 after a step
	Points   [][]int64 `json:"e,omitempty"` // at, low, high, 1 where it was set aside; an open bound is far off
}

type htmlFinding struct {
	ID       int    `json:"i"`
	Rule     int    `json:"r"`
	Severity string `json:"v"`
	Journeys []int  `json:"j"` // indices of Journeys
}

type htmlJourney struct {
	ID      int          `json:"i"`
	Service int          `json:"s"`
	Name    int          `json:"n"`
	Client  int          `json:"c"`
	Server  int          `json:"d"`
	Start   int64        `json:"t"`
	Total   *int64       `json:"l,omitempty"`
	Outcome int          `json:"o"`
	Status  int          `json:"h,omitempty"` // of HTTP
	File    int          `json:"f"`           // of the packets; -1: none
	Phases  [][]int64    `json:"p"`           // phase, start − Start, length (-1: unknown), outcome, 1 where the start is unknown, the longest that is not slow where it is
	Shares  [][]int64    `json:"b,omitempty"` // cause, time
	Resent  []int64      `json:"r,omitempty"` // instants of trouble − Start
	Lines   int          `json:"x,omitempty"` // matched ones
	Moments []htmlMoment `json:"m,omitempty"`
	Quotes  []htmlLine   `json:"q,omitempty"`
	Daemon  string       `json:"v,omitempty"` // how it stood to the program that served it
}

type htmlMoment struct {
	At     int64     `json:"t"` // − Start
	Raw    int64     `json:"r,omitempty"`
	Kind   int       `json:"k"`
	From   string    `json:"f,omitempty"`
	File   int       `json:"e"`
	Frame  int       `json:"n,omitempty"`
	Detail int       `json:"d,omitempty"` // 0: none
	Others [][]int64 `json:"x,omitempty"` // file, frame, instant − Start, raw − instant
}

type htmlLine struct {
	At   *int64 `json:"t,omitempty"` // − Start
	Raw  int64  `json:"r,omitempty"` // raw − corrected
	Low  *int64 `json:"a,omitempty"` // − At
	High *int64 `json:"z,omitempty"`
	File int    `json:"e"`
	Line int    `json:"n"`
	Sure int    `json:"p"` // hundredths
	Fits bool   `json:"m"` // matched, not ambiguous
	Text string `json:"x,omitempty"`
	By   int    `json:"b,omitempty"`
}

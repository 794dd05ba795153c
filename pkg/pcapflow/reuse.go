package pcapflow

import "hash/maphash"

// reusable is a Stream that can serve another flow once its own has been handed
// out. reuse drops what it learnt, keeps the room it took for it, and lays
// itself by in env.
type reusable interface{ reuse(env *Env) }

// pools hold what ended flows leave behind for those to come. A nil Env, as
// tests have it, is an empty one.
type pools struct {
	tls  []*tlsStream
	open []*tlsHandshake
	http []*httpStream
	dns  []*dnsDatagrams
	ntp  []*ntpFlow
	ssh  struct {
		streams []*sshStream
		known   sshKnown
	}
	buffers [][]byte
	asked   rooms[Exchange]
	guesses rooms[guessedExchange]
	guessed rooms[guessRecord]
	names   names
	hello   clientHello // parsed into, again and again
	shapes  helloShapes
	chains  chainCache
	date    lastDate
}

// lastDate is the latest Date header that was read.
type lastDate struct {
	text    string
	seconds int64
}

// maxPooled bounds each pool, and the room of what goes in, in bytes.
const (
	maxPooled       = 1 << 14
	maxPooledBuffer = 32 << 10
)

// take is the last of a pool, nil if it is empty.
func take[T any](pool *[]*T) *T {
	n := len(*pool)
	if n == 0 {
		return nil
	}
	x := (*pool)[n-1]
	*pool = (*pool)[:n-1]
	return x
}

// layBy puts x into a pool that is not full.
func layBy[T any](pool *[]*T, x *T) {
	if len(*pool) < maxPooled {
		*pool = append(*pool, x)
	}
}

// emptied is a list's room for another; one that a long flow has made large is
// not kept, or in the end all would be large.
func emptied[T any](list []T) []T {
	const most = 8
	if cap(list) > most {
		return nil
	}
	return list[:0]
}

// buffer is an empty one for bytes that come in pieces.
func (v *Env) buffer() []byte {
	if v == nil || len(v.pools.buffers) == 0 {
		return nil
	}
	n := len(v.pools.buffers) - 1
	b := v.pools.buffers[n]
	v.pools.buffers = v.pools.buffers[:n]
	return b
}

// giveBack takes a buffer that is not needed any more.
func (v *Env) giveBack(b []byte) {
	if v != nil && cap(b) > 0 && cap(b) <= maxPooledBuffer && len(v.pools.buffers) < 64 {
		v.pools.buffers = append(v.pools.buffers, b[:0])
	}
}

// text is b as a string, mostly one that was made for an earlier flow.
func (v *Env) text(b []byte) string {
	if v == nil {
		return string(b)
	}
	return v.pools.names.text(b)
}

// names keeps strings that come again and again: of hosts, versions, histories.
// Each has one place; another that falls on it takes it over.
type names struct{ list *[namePlaces]string }

const (
	namePlaces  = 1 << 12
	longestName = 128 // longer ones are not kept
)

var nameSeed = maphash.MakeSeed()

func (x *names) text(b []byte) string {
	if len(b) == 0 {
		return ""
	}
	if len(b) > longestName {
		return string(b)
	}
	if x.list == nil {
		x.list = new([namePlaces]string)
	}
	p := &x.list[maphash.Bytes(nameSeed, b)%namePlaces]
	if *p != string(b) {
		*p = string(b)
	}
	return *p
}

// chainCache keeps the certificates of chains that were read. A server sends
// the same bytes with every handshake.
type chainCache struct {
	read  map[chainKey][]Certificate
	bytes int
}

type chainKey struct {
	hash  uint64 // of the message's body, with a seed that nobody knows
	tls13 bool
}

const maxChainBytes = 4 << 20 // of the bodies whose chains are kept

func (v *Env) chain(body []byte, tls13 bool) []Certificate {
	if v == nil {
		return parseChain(body, tls13)
	}
	c := &v.pools.chains
	key := chainKey{maphash.Bytes(nameSeed, body), tls13}
	list, ok := c.read[key]
	if ok {
		return list
	}
	list = parseChain(body, tls13)
	if c.bytes += len(body); c.read == nil || c.bytes > maxChainBytes {
		c.read, c.bytes = map[chainKey][]Certificate{}, len(body)
	}
	c.read[key] = list
	return list
}

package pcapflow

// sshRoundsMax ends the reading of an authentication: servers give up long
// before, so its success must have been missed.
const sshRoundsMax = 32

// Payloads of well-known messages in octets (RFC 4252, 4253, 4254).
const (
	sshServiceLen     = 17 // SERVICE_REQUEST and SERVICE_ACCEPT of ssh-userauth
	sshNoneLen        = 31 // USERAUTH_REQUEST of method "none", without the user's name
	sshKeyOKLess      = 36 // what PK_OK lacks of its request, without the user's name
	sshLongestName    = 64
	sshLeastFailure   = 14 // USERAUTH_FAILURE that names one method, "password"
	sshLeastKeyOK     = 60 // USERAUTH_PK_OK with the shortest key and name
	sshBehindSuccess  = 80 // what OpenSSH sends at once behind SUCCESS: its host keys, or debugging messages
	sshOpenLen        = 24 // CHANNEL_OPEN of a session
	sshNoMoreLen      = 34 // OpenSSH's no-more-sessions
	sshChannelReply   = 5  // CHANNEL_SUCCESS, CHANNEL_FAILURE
	sshWindowAdjust   = 9
	sshOpenConfirm    = 17
	sshSessionPatient = 64 // packets until the session's begin is given up
)

// sshAuthStage is how far the authentication has come.
type sshAuthStage uint8

const (
	sshAuthNone    sshAuthStage = iota
	sshAuthService              // SERVICE_REQUEST was sent
	sshAuthRounds               // SERVICE_ACCEPT was sent
	sshAuthOver                 // success, or no longer readable
)

// sshAuth reads the authentication from sizes and turns. The server's
// SUCCESS is the one answer shorter than any FAILURE can be; FAILURE always has
// the same size within a connection, and OpenSSH's clients begin by asking with
// the method "none" to draw one.
type sshAuth struct {
	stage     sshAuthStage
	exact     bool // SERVICE_ACCEPT had the size that sizes foretell
	accept    int  // size of SERVICE_ACCEPT
	failure   int  // size of FAILURE; 0: not known yet
	confirmed bool // the first channel was, as sizes tell
	turns     int  // the client's, since success
	lastRole  Dir
	seen      int // server packets since success
	undecided bool
}

// encrypted takes one unit of d: a packet, or what became readable at once.
func (s *sshStream) encrypted(d Dir, at Stamp, size int) {
	role := s.role(d)
	switch {
	case s.auth.stage == sshAuthOver:
		s.session(role, at, size)
	case role == Client:
		s.authRequest(at, size)
	default:
		s.authReply(at, size)
	}
}

// up and down are the sizes of the client's and of the server's packets.
func (s *sshStream) up() *sshSizes   { return &s.side[s.role(Client)].cutter.sizes }
func (s *sshStream) down() *sshSizes { return &s.side[s.role(Server)].cutter.sizes }

func (s *sshStream) authRequest(at Stamp, size int) {
	a, up := &s.auth, s.up()
	service := !up.known || size == up.wire(sshServiceLen)
	switch a.stage {
	case sshAuthNone:
		s.ssh.ServiceRequest = at
		a.stage, a.exact = sshAuthService, service
	case sshAuthService:
		if r := s.round(); r != nil {
			r.RequestBytes += size
			return
		}
		if a.exact || !service { // asked before the service was granted
			s.openRound(at, size)
			return
		}
		s.ssh.ServiceRequest, a.exact = at, true // EXT_INFO came before it
	case sshAuthRounds:
		r := s.round()
		if r != nil && !r.Reply.Seen() {
			r.RequestBytes += size
			return
		}
		if r != nil {
			if s.judge(r, size); a.stage == sshAuthOver {
				s.session(Client, at, size)
				return
			}
		}
		s.openRound(at, size)
	}
}

func (s *sshStream) openRound(at Stamp, size int) {
	if len(s.ssh.Rounds) >= sshRoundsMax {
		s.auth.stage, s.auth.undecided, s.done = sshAuthOver, true, true
		return
	}
	r := AuthRound{Request: at, RequestBytes: size}
	if len(s.ssh.Rounds) == 0 {
		r.None = s.isNone(size)
	}
	s.ssh.Rounds = append(s.ssh.Rounds, r)
}

// isNone tells whether a first request may be of the method "none".
func (s *sshStream) isNone(size int) bool {
	up := s.up()
	if !up.known {
		more := size - s.auth.accept // its request has the size of SERVICE_ACCEPT
		return more > 0 && more <= sshNoneLen+sshLongestName-sshServiceLen
	}
	least, most := up.payload(size)
	return most > sshNoneLen && least <= sshNoneLen+sshLongestName
}

// round is the round at hand; nil before the first.
func (s *sshStream) round() *AuthRound {
	if n := len(s.ssh.Rounds); n > 0 {
		return &s.ssh.Rounds[n-1]
	}
	return nil
}

func (s *sshStream) authReply(at Stamp, size int) {
	a := &s.auth
	switch a.stage {
	case sshAuthService:
		s.ssh.ServiceAccept, a.accept, a.stage = at, size, sshAuthRounds
	case sshAuthRounds:
		r := s.round()
		if r == nil || r.Result != "" { // EXT_INFO came before SERVICE_ACCEPT
			if down := s.down(); r == nil && down.known && size == down.wire(sshServiceLen) {
				s.ssh.ServiceAccept, a.accept = at, size
			}
			return
		}
		if !r.ReplyFirst.Seen() {
			r.ReplyFirst = at
		}
		r.Reply, r.ReplyBytes = at, size
		if s.isSuccess(size) {
			s.success(r)
		}
	}
}

// isSuccess: no other answer to an authentication request is that short.
func (s *sshStream) isSuccess(size int) bool {
	if s.kex.chosen[sshListCompressionDown] == "zlib" {
		return false // sizes tell nothing
	}
	down := s.down()
	if !down.known {
		return size == s.auth.accept-16
	}
	return size < down.wire(sshLeastFailure)
}

func (s *sshStream) success(r *AuthRound) {
	r.Result = "success"
	s.auth.stage, s.auth.lastRole = sshAuthOver, Server
	s.ssh.AuthEnd = r.Reply
}

// judge names the result of a round that has its answer. next is the size of
// what the client sent then, 0 when it sent nothing.
func (s *sshStream) judge(r *AuthRound, next int) {
	a, down := &s.auth, s.down()
	if r.Result != "" {
		return
	}
	size := r.ReplyBytes
	if !down.known {
		r.Result = "unknown"
		if a.failure == size {
			r.Result = "failure"
		} else if a.failure == 0 {
			a.failure = size
			r.Result = "failure"
		}
		return
	}
	switch {
	case size == a.failure:
		r.Result = "failure"
	case !r.None && s.opensChannel(next) && size-down.wire(1) >= down.wire(sshBehindSuccess) && down.fits(size-down.wire(1)):
		s.success(r) // and what came behind it, read at once
	case s.isKeyOK(r):
		r.Result = "continue"
	case a.failure == 0:
		a.failure, r.Result = size, "failure"
	case size < a.failure && down.fits(a.failure-size):
		a.failure, r.Result = size, "failure" // the first had EXT_INFO or a banner before it
	default:
		r.Result = "continue"
	}
}

// fits tells whether n octets can be a packet other than the shortest.
func (z *sshSizes) fits(n int) bool {
	if z.apart {
		n -= 4
	}
	n -= z.mac
	return n >= 2*z.block && n%z.block == 0
}

// opensChannel tells whether a client's packet of that size opens a session,
// which only an authenticated client does, and asks for no authentication.
func (s *sshStream) opensChannel(size int) bool {
	up := s.up()
	if !up.known || size == 0 {
		return false
	}
	open := up.wire(sshOpenLen)
	return size == open || size == open+up.wire(sshNoMoreLen)
}

// isKeyOK tells whether the answer repeats the key of the request: PK_OK is
// the request without user, service and method.
func (s *sshStream) isKeyOK(r *AuthRound) bool {
	up, down := s.up(), s.down()
	if !up.known || r.ReplyBytes < down.wire(sshLeastKeyOK) {
		return false
	}
	lessUp, mostUp := up.payload(r.RequestBytes)
	lessDown, mostDown := down.payload(r.ReplyBytes)
	return mostUp-lessDown > sshKeyOKLess && lessUp-mostDown <= sshKeyOKLess+sshLongestName
}

// payload is the range of payloads that a packet of that size may carry with
// the least padding.
func (z *sshSizes) payload(size int) (least, most int) {
	most = size - z.mac - 4 - 1 - 4
	return most - z.block + 1, most
}

// session looks for the first bytes that a session brings: what the server
// sends behind the answers to the client's channel requests. Then it listens to
// typing.
func (s *sshStream) session(role Dir, at Stamp, size int) {
	a := &s.auth
	switch {
	case role == Client && !s.ssh.ChannelOpen.Seen() && s.opensChannel(size):
		s.ssh.ChannelOpen = at
	case role == Server && s.ssh.ChannelOpen.Seen() && !s.ssh.ChannelConfirmed.Seen() && s.down().known && size == s.down().wire(sshOpenConfirm):
		s.ssh.ChannelConfirmed = at
	}
	if s.ssh.SessionStart.Seen() {
		s.done = s.echo.take(role, at, size, s.up(), s.down())
		return
	}
	if role == Client {
		if a.lastRole == Server {
			a.turns++
		}
		a.lastRole = Client
		return
	}
	a.lastRole = Server
	if a.seen++; a.seen > sshSessionPatient {
		s.done = true
		return
	}
	if down := s.down(); down.known && !a.confirmed && size == down.wire(sshOpenConfirm) {
		a.confirmed = true // one channel: what is as large later is the session's
		return
	}
	if a.turns < 2 || s.isChannelReply(size) {
		return
	}
	s.ssh.SessionStart = at
	s.done = !s.up().known || !s.down().known
}

// isChannelReply: CHANNEL_SUCCESS, WINDOW_ADJUST and the like, also two or
// three at once.
func (s *sshStream) isChannelReply(size int) bool {
	down := s.down()
	if !down.known {
		return false
	}
	for _, n := range [...]int{sshChannelReply, sshWindowAdjust} {
		if w := down.wire(n); size == w || size == 2*w || size == 3*w {
			return true
		}
	}
	return false
}

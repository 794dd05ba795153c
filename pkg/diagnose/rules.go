package diagnose

// rules is the catalogue, in the order it is documented and run: gates first.
// Adding a rule is one entry in its family's file and one line here.
var rules = []*Rule{
	// gates
	&captureLost,
	&captureDuplicates,
	&captureOffload,
	&capturePartial,
	&searchBounded,
	&clockUnknown,
	// dns
	&dnsRetry,
	&dnsNeverReached,
	&dnsSlowResolver,
	&dnsSlowAAAA,
	&dnsParallelLost,
	&dnsTCPFallback,
	&dnsSearchList,
	&dnsNXDomain,
	&dnsServfail,
	&dnsTransferRefused,
	&dnsFailover,
	&dnsUnreachable,
	&dnsLargeAnswerLost,
	&dnsNotObserved,
	// path
	&neighbourWait,
	&duplicateAddress,
	&mtuBlackHole,
	&mtuDiscoveredLate,
	&mssRewritten,
	&refusedByNetwork,
	&routingLoop,
	&pathChanged,
	&bufferbloat,
	&pathFull,
	// tcp
	&acceptQueueFull,
	&synQueueFull,
	&injectedReset,
	&synHeld,
	&synLost,
	&fellSilent,
	&synUnanswered,
	&connectionRefused,
	&lossInHandshake,
	&lossInResponse,
	&lossStall,
	&reordering,
	&spuriousRetransmission,
	&receiverLimited,
	&windowLimited,
	&nagleDelayedACK,
	&slowStart,
	&staleKeepalive,
	&natStateLost,
	&happyEyeballs,
	// tls
	&tlsCertificateTime,
	&tlsWrongProtocol,
	&tlsAlert,
	&tlsLargeHelloDropped,
	&tlsSilent,
	&dtlsUnanswered,
	&tlsSlowServer,
	&tlsHelloRetry,
	&tlsLongChain,
	&tlsDistance,
	&tlsClientValidation,
	// quic
	&quicBlocked,
	&quicFailed,
	&quicExtraRoundTrip,
	&quicSlowHandshake,
	// web
	&appSlow,
	&upstreamError,
	&queueBeforeApp,
	&serverHungUp,
	&clientGaveUp,
	&websocketIdle,
	&slowBody,
	&slowUpload,
	&slowDelivery,
	&lingeringClose,
	&serverLimit,
	&coldStart,
	&http2HeadOfLine,
	&redirectLoop,
	&redirects,
	&httpError,
	// ssh
	&sshAuthFailed,
	&sshReverseDNS,
	&sshNoCommon,
	&sshHostKey,
	&sshDisconnected,
	&sshWrongProtocol,
	&sshKexStall,
	&sshLateBanner,
	&sshShed,
	&sshSlowKex,
	&sshAuthBackend,
	&sshSlowSession,
	&sshSlowDelivery,
	// ntp and clocks
	&ntpRefused,
	&ntpUselessAnswer,
	&ntpUnanswered,
	&ntpKiss,
	&ntpBadServer,
	&ntpNotApplied,
	&ntpAsymmetricPath,
	&clockStepped,
	&clockOffset,
	&clockDrift,
	&clockZone,
	&clockYearInferred,
	&clockTooUncertain,
	// other
	&slowerThanNormal,
	&healthy,
}

// Rules returns the catalogue.
func Rules() []*Rule { return rules }

// Find returns the rule of a name, or nil.
func Find(name string) *Rule {
	for _, r := range rules {
		if r.Name == name {
			return r
		}
	}
	return nil
}

package diagnose

// rules is the catalogue, in the order it is documented and run: gates first.
// Adding a rule is one entry in its family's file and one line here.
var rules = []*Rule{
	// gates
	&captureLost,
	&captureDuplicates,
	&captureOffload,
	&capturePartial,
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
	&dnsFailover,
	&dnsUnreachable,
	&dnsLargeAnswerLost,
	&dnsNotObserved,
	// path
	&neighbourWait,
	&duplicateAddress,
	&mtuBlackHole,
	&mtuDiscoveredLate,
	&refusedByNetwork,
	&pathChanged,
	// tcp
	&acceptQueueFull,
	&synQueueFull,
	&injectedReset,
	&synLost,
	&synUnanswered,
	&connectionRefused,
	&lossInHandshake,
	&lossInResponse,
	&lossStall,
	&reordering,
	&spuriousRetransmission,
	// tls
	&tlsCertificateTime,
	&tlsWrongProtocol,
	&tlsAlert,
	&tlsSilent,
	&tlsSlowServer,
	&tlsHelloRetry,
	&tlsLongChain,
	&tlsDistance,
	// web
	&appSlow,
	&upstreamError,
	&queueBeforeApp,
	&clientGaveUp,
	&slowBody,
	&slowUpload,
	&httpError,
	// ssh
	&sshAuthFailed,
	&sshReverseDNS,
	&sshNoCommon,
	&sshWrongProtocol,
	&sshKexStall,
	&sshLateBanner,
	&sshShed,
	// ntp and clocks
	&ntpUnanswered,
	&ntpKiss,
	&ntpBadServer,
	&clockStepped,
	&clockOffset,
	&clockDrift,
	// other
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

package pcapflow

import "strconv"

// dnsTypes are the record types of the IANA registry that are met in practice;
// others are written TYPE12345 (RFC 3597 §5).
var dnsTypes = [...]string{
	1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 10: "NULL", 11: "WKS", 12: "PTR", 13: "HINFO", 14: "MINFO", 15: "MX", 16: "TXT",
	17: "RP", 18: "AFSDB", 19: "X25", 20: "ISDN", 21: "RT", 22: "NSAP", 24: "SIG", 25: "KEY", 26: "PX", 27: "GPOS",
	28: "AAAA", 29: "LOC", 30: "NXT", 33: "SRV", 34: "ATMA", 35: "NAPTR", 36: "KX", 37: "CERT", 38: "A6", 39: "DNAME", 41: "OPT",
	42: "APL", 43: "DS", 44: "SSHFP", 45: "IPSECKEY", 46: "RRSIG", 47: "NSEC", 48: "DNSKEY", 49: "DHCID", 50: "NSEC3",
	51: "NSEC3PARAM", 52: "TLSA", 53: "SMIMEA", 55: "HIP", 59: "CDS", 60: "CDNSKEY", 61: "OPENPGPKEY", 62: "CSYNC",
	63: "ZONEMD", 64: "SVCB", 65: "HTTPS", 99: "SPF", 103: "UNSPEC", 104: "NID", 105: "L32", 106: "L64", 107: "LP", 108: "EUI48",
	109: "EUI64", 249: "TKEY", 250: "TSIG", 251: "IXFR", 252: "AXFR", 253: "MAILB", 254: "MAILA", 255: "ANY", 256: "URI",
	257: "CAA",
}

func dnsTypeName(t uint16) string {
	if dnsTypeKnown(t) {
		return dnsTypes[t]
	}
	return "TYPE" + strconv.Itoa(int(t))
}

func dnsTypeKnown(t uint16) bool { return int(t) < len(dnsTypes) && dnsTypes[t] != "" }

// dnsRCodes are the response codes (IANA; those from 16 on need EDNS).
var dnsRCodes = [...]string{
	0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED", 6: "YXDOMAIN", 7: "YXRRSET",
	8: "NXRRSET", 9: "NOTAUTH", 10: "NOTZONE", 11: "DSOTYPENI", 16: "BADVERS", 17: "BADKEY", 18: "BADTIME", 19: "BADMODE",
	20: "BADNAME", 21: "BADALG", 22: "BADTRUNC", 23: "BADCOOKIE",
}

func dnsRCodeName(c uint16) string {
	if int(c) < len(dnsRCodes) && dnsRCodes[c] != "" {
		return dnsRCodes[c]
	}
	return "RCODE" + strconv.Itoa(int(c))
}

// dnsErrors are the extended DNS errors (RFC 8914 §4 and the IANA registry).
var dnsErrors = [...]string{
	"Other Error", "Unsupported DNSKEY Algorithm", "Unsupported DS Digest Type", "Stale Answer", "Forged Answer",
	"DNSSEC Indeterminate", "DNSSEC Bogus", "Signature Expired", "Signature Not Yet Valid", "DNSKEY Missing", "RRSIGs Missing",
	"No Zone Key Bit Set", "NSEC Missing", "Cached Error", "Not Ready", "Blocked", "Censored", "Filtered", "Prohibited",
	"Stale NXDOMAIN Answer", "Not Authoritative", "Not Supported", "No Reachable Authority", "Network Error", "Invalid Data",
	"Signature Expired before Valid", "Too Early", "Unsupported NSEC3 Iterations Value", "Unable to conform to policy", "Synthesized",
	"Invalid Query Type",
}

// EDEText is the registered purpose of an extended DNS error code, or its
// number where it has none; "" for a negative code (none was sent).
func EDEText(code int) string {
	switch {
	case code < 0:
		return ""
	case code < len(dnsErrors):
		return dnsErrors[code]
	}
	return "EDE " + strconv.Itoa(code)
}

package pcapflow

import "fmt"

// protocolNames of IP protocols often met and not followed (IANA).
var protocolNames = map[uint8]string{
	2: "IGMP", 8: "EGP", 46: "RSVP", 50: "ESP", 51: "AH", 88: "EIGRP", 89: "OSPF",
	103: "PIM", 112: "VRRP", 115: "L2TP", 136: "UDP-Lite",
}

func protocolName(n uint8) string {
	if s, ok := protocolNames[n]; ok {
		return s
	}
	return fmt.Sprintf("IP protocol %d", n)
}

// etherNames of Ethertypes often met and not followed (IEEE).
var etherNames = map[uint16]string{
	0x0842: "wake-on-LAN", 0x8035: "RARP", 0x809b: "AppleTalk", 0x80f3: "AppleTalk ARP", 0x8137: "IPX",
	0x8808: "Ethernet flow control", 0x8809: "LACP", 0x888e: "802.1X", 0x88cc: "LLDP",
	0x88e5: "MACsec", 0x88f7: "PTP", 0x8902: "CFM", 0x9000: "Ethernet loopback",
}

func etherName(t uint16) string {
	if s, ok := etherNames[t]; ok {
		return s
	}
	return fmt.Sprintf("Ethertype 0x%04x", t)
}

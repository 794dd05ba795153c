package logparse

// formats are tried by content. Among equals the first one wins, unless the
// path speaks for another (Format.Hints).
var formats = []*Format{
	// Servers and system: web servers, applications, syslog, journald.
	accessLog,
	nginxAccess,
	apacheAccess,
	nginxError,
	apacheError,
	haproxyLog,
	caddyAccess,
	traefikAccess,
	envoyAccess,
	w3cAccess,
	ltsvAccess,
	albAccess,
	customAccess,
	appLog,
	authLog,
	sysLog,
	serverConfig,
	kernelLog,
	textLog,
	journalExport,
	journalJSON,
	journalVerbose,

	// Time daemons, DNS servers, and what client programs print.
	chronyTracking,
	chronyMeasurements,
	chronyStatistics,
	chronySelection,
	chronyRefclocks,
	chronydLog,
	chronyc,
	ntpdLoopstats,
	ntpdPeerstats,
	ntpdRawstats,
	ntpdLog,
	ntpq,
	timesyncStatus,
	sntp,
	dig,
	curl,
	sshVerbose,
	nslookup,
	resolvectl,
	resolvConf,
	ping,
	timeCommand,
	hostState,
	har,
	bindLog,
	unboundLog,
	dnsmasqLog,
	corednsLog,
	powerdnsLog,
}

// Formats lists every format.
func Formats() []*Format { return formats }

// ByName finds a format by its name; nil if there is none.
func ByName(name string) *Format {
	for _, f := range formats {
		if f.Name == name {
			return f
		}
	}
	return nil
}

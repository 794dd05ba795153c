package main

import (
	"bytes"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/flowcorr/flowcorr/internal/need"
)

// TestFirstScreen: what really happened in each incident stands on the first
// screen of its report, 24 lines of 80 columns, in either language.
func TestFirstScreen(t *testing.T) {
	incidents := need.Shared(t, "incidents")
	t.Setenv("COLUMNS", "80")
	for name, said := range map[string][2][]string{
		"s01_healthy_web":  {{`Nothing abnormal`}, {`Nada anormal`}},
		"s02_slow_app":     {{`is the application`, `answered 504`, `given up by the client`, `body slowly`}, {`es la aplicación`, `respondió con 504`, `El cliente abandonó`, `el cuerpo despacio`}},
		"s03_slow_dns":     {{`did not fit UDP, and TCP port 53`, `lost on the way`, `upstream is slow or silent`, `is silent`, `10\.20\.0\.99 were in vain`}, {`no cabía en UDP, y el puerto TCP 53`, `se perdieron en el camino`, `es lento o calla`, `calla:`, `10\.20\.0\.99 fueron en vano`}},
		"s04_loss":         {{`lost SYN`, `lost segments`, `[Cc]opies`}, {`SYN perdido`, `segmentos perdidos`, `[Cc]opias`}},
		"s06_ssh":          {{`reverse lookup`, `no kex algorithm`, `failed SSH logins`, `Clocks that are off.*3\.20. s behind.*1\.7.. s ahead`}, {`resolución inversa`, `no comparten algoritmo de kex`, `accesos SSH fallidos`, `Relojes desviados.*3\.20. s atrasado.*1\.7.. s adelantado`}},
		"s08_ntp_clocks":   {{`kiss-o'-death`, `not synchronised`, `got no answer`, `jumped -1\.200 s`, `2\.3[45]. s ahead`, `0\.80. s behind`}, {`beso de la muerte`, `no sincronizado`, `sin respuesta`, `saltó -1\.200 s`, `2\.3[45]. s adelantado`, `0\.80. s atrasado`}},
		"s09_nat_crowd":    {{`Nothing abnormal`, `1\.37. s ahead`}, {`Nada anormal`, `1\.37. s adelantado`}},
		"s10_integrador":   {{`queries .* lost on the way; the retry timer cost 5\.0`, `is the application`, `2\.35. s ahead`}, {`consultas .* se perdieron en el camino; el temporizador costó 5\.0`, `es la aplicación`, `2\.35. s adelantado`}},
		"s11_apache":       {{`is the application`, `5\.1.. s ahead`}, {`es la aplicación`, `5\.1.. s adelantado`}},
		"s13_tls_failures": {{`its own clock is 400\.. days ahead`, `days behind`, `unknown_ca`, `spoke TLS to`, `NTP requests .* got no answer`}, {`su propio reloj va 400\.. días adelantado`, `días atrasado`, `unknown_ca`, `habló TLS a`, `peticiones NTP .* sin respuesta`}},
		"s14_two_points":   {{`Nothing abnormal`, `11\.9.. s ahead; .*4\.8.. s behind`, `one way`}, {`Nada anormal`, `11\.9.. s adelantado; .*4\.8.. s atrasado`, `[Uu]n sentido`}},
		"s15_journal_step": {{`failed SSH logins`, `jumped \+8\.40. s`}, {`accesos SSH fallidos`, `saltó \+8\.40. s`}},
	} {
		for i, l := range []string{"en", "es"} {
			var out, diag bytes.Buffer
			if status := run([]string{"report", "--lang", l, "--fail-on", "never", filepath.Join(incidents, name, "input")}, strings.NewReader(""), &out, &diag); status != exitDone {
				t.Fatalf("%s: status %d: %s", name, status, diag.String())
			}
			lines := strings.Split(out.String(), "\n")
			screen := strings.Join(strings.Fields(strings.Join(lines[:min(24, len(lines))], " ")), " ")
			for _, pattern := range said[i] {
				if !regexp.MustCompile(pattern).MatchString(screen) {
					t.Errorf("%s, %s: the first screen does not say %q:\n%s", name, l, pattern, strings.Join(lines[:24], "\n"))
				}
			}
			if !slices.ContainsFunc(lines[:24], func(s string) bool {
				return strings.HasPrefix(s, "WHERE THE TIME WENT") || strings.HasPrefix(s, "DÓNDE SE FUE EL TIEMPO") ||
					strings.HasPrefix(s, "TIMELINE OF") || strings.HasPrefix(s, "CRONOLOGÍA DE") // what nobody answered took no time that ended
			}) {
				t.Errorf("%s, %s: where the time went is not on the first screen:\n%s", name, l, strings.Join(lines[:24], "\n"))
			}
		}
	}
}

// TestClientsAlone: what a client printed of a failure is told though nothing else
// was collected.
func TestClientsAlone(t *testing.T) {
	root, err := need.Root()
	if err != nil {
		t.Fatal(err)
	}
	out := ranDone(t, "report", filepath.Join(root, "samples", "slow-application", "input", "c1"))
	if !bytes.Contains(out, []byte("cannot be said")) || !bytes.Contains(out, []byte("Operation timed out")) {
		t.Errorf("%.400s", out)
	}
}

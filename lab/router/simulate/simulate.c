/* The path in time of its own, for tests: reads from standard input the router's
 * commands, each answered by a line, and
 *     frame NS ab|ba HEX    a frame arrives at this instant
 *     until NS              goes on to this instant
 * and writes "NS ab|ba HEX" for each frame that leaves. Instants never go back.
 * What rules did goes to standard error. */
#include "../path.h"
#include <inttypes.h>
#include <string.h>

static void leaves(int64_t at, int dir, const uint8_t *frame, size_t size)
{
	printf("%" PRId64 " %s ", at, dir ? "ba" : "ab");
	for (size_t i = 0; i < size; i++)
		printf("%02x", frame[i]);
	printf("\n");
}

int main(void)
{
	static char line[2 * FRAME + 100];
	path_events(stderr);
	while (fgets(line, sizeof line, stdin)) {
		int64_t at;
		char dir[3];
		int hex;
		if (sscanf(line, "until %" SCNd64, &at) == 1) {
			path_leave(at, leaves);
		} else if (sscanf(line, "frame %" SCNd64 " %2s %n", &at, dir, &hex) == 2) {
			uint8_t frame[FRAME];
			unsigned byte;
			size_t n = 0;
			for (const char *p = line + hex; n < sizeof frame && sscanf(p, "%2x", &byte) == 1; p += 2)
				frame[n++] = (uint8_t)byte;
			path_leave(at, leaves);
			path_take(!strcmp(dir, "ba"), frame, n, at);
		} else {
			const char *wrong = path_command(line);
			printf("%s\n", wrong ? wrong : "ok");
		}
	}
	return 0;
}

/* The path's schedule, without clock and devices: what happens to a frame that
 * arrives at an instant, and when it leaves. */
#ifndef LAB_PATH_H
#define LAB_PATH_H
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define FRAME 2048 /* bytes of the largest frame */

/* Where it is written what rules did. */
void path_events(FILE *to);

/* Does one command (see router.c); returns NULL or what is wrong with it. */
const char *path_command(char *line);

/* Takes a frame of at most FRAME bytes that arrived at an instant (ns): dir 0 from
 * a to b, 1 back. */
void path_take(int dir, const uint8_t *frame, size_t size, int64_t at);

/* When the next frame leaves (ns); -1 = none waits. */
int64_t path_next(void);

/* Gives to send what leaves until now, in order of departure. */
void path_leave(int64_t now, void (*send)(int64_t at, int dir, const uint8_t *frame, size_t size));
#endif

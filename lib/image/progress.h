/* SPDX-License-Identifier: MIT
 * How far a transfer is, told while it goes on: bars on a terminal, a line an event where there is
 * none, or Docker's progress objects, which its API and its clients know:
 *
 *	{"status":"Downloading","progressDetail":{"current":131072,"total":2811478},"id":"926ab154a318"}
 */
#ifndef TACKLE_PROGRESS_H
#define TACKLE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

enum progress_kind { PROGRESS_NONE, PROGRESS_BARS, PROGRESS_LINES, PROGRESS_JSON };

struct progress;

/* Objects go to standard output (`json`), the rest to standard error. */
struct progress *progress_new(bool quiet, bool json);
/* NULL is fine. Bars stay on the screen as they are. */
void progress_free(struct progress *p);
enum progress_kind progress_kind(const struct progress *p);

/* Something happened: to the thing `id` (NULL: to all), which thereby is `over`, or not. p may be
 * NULL, here and below. */
void progress_say(struct progress *p, const char *id, bool over, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));
/* So many bytes of a thing. Lines do not tell it; bars and objects do, ten times a second. */
void progress_bytes(
	struct progress *p, const char *id, const char *status, int64_t current, int64_t total);
/* "layer sha256:… : trying again in 0.5 seconds", as a registry_retry_fn with the progress as self.
 */
void progress_retry(void *progress, const char *what, unsigned ms);
/* A whole object of another shape, for PROGRESS_JSON only: one line without its newline. */
void progress_object(struct progress *p, const char *json);
/* Shows the bars as they are now; call it now and then. */
void progress_draw(struct progress *p);

#endif

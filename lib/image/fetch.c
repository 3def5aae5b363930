/* SPDX-License-Identifier: MIT */
#include "image/fetch.h"

#include "base/clock.h"
#include "image/fetch_body.h"
#include "image/fetch_proxy.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifndef TACKLEBOX_VERSION
#define TACKLEBOX_VERSION "0.1"
#endif

#define REFUSAL_MAX 8192
/* A redirect to a store of blobs is usual; a chain of them is not. */
#define REDIRECTS_MAX 5
/* Received at once; what a write callback is given at most. */
#define RECEIVE_SIZE (64L * 1024)
/* Slower than this for as long as our patience lasts is a connection that died. */
#define BYTES_PER_SECOND_MIN 64L

struct fetcher {
	CURLM *multi;
	const struct fetch_options *o;
	char *no_proxy;
	struct fetch *later; /* not begun yet */
};

struct fetch_state {
	CURL *easy;
	struct curl_slist *headers;
	char said[CURL_ERROR_SIZE];
	bool paused;
	bool refused; /* the writer (or our own limit) did not take the body: `why` says so */
};

struct fetcher *
fetcher_new(const struct fetch_options *o)
{
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		err_set(ERR_INTERNAL, "libcurl", "cannot set up libcurl");
		return NULL;
	}
	struct fetcher *f = calloc(1, sizeof(*f));
	if (!f || !(f->multi = curl_multi_init()))
		abort();
	f->o = o;
	f->no_proxy = fetch_proxy_none();
	return f;
}

void
fetcher_free(struct fetcher *f)
{
	if (!f)
		return;
	curl_multi_cleanup(f->multi);
	curl_global_cleanup();
	free(f->no_proxy);
	free(f);
}

void
fetcher_wake(void *fetcher)
{
	struct fetcher *f = fetcher;
	curl_multi_wakeup(f->multi);
}

/* ---- what comes in ---- */

static size_t
give_up(struct fetch *r)
{
	r->why = err;
	r->state->refused = true;
	return CURL_WRITEFUNC_ERROR;
}

static size_t
take_body(char *data, size_t one, size_t len, void *self)
{
	struct fetch *r = self;
	(void)one;
	curl_easy_getinfo(r->state->easy, CURLINFO_RESPONSE_CODE, &r->status);
	if (!fetch_wanted(r)) {
		size_t room = REFUSAL_MAX - r->refusal.len;
		buf_add(&r->refusal, data, len < room ? len : room);
		return len;
	}
	int taken = fetch_take(r, data, len);
	if (taken < 0)
		return give_up(r);
	if (taken == 0) {
		r->state->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	return len;
}

static size_t
take_header(char *data, size_t one, size_t len, void *self)
{
	struct fetch *r = self;
	(void)one;
	fetch_head_line(&r->head, data, len);
	return len;
}

/* ---- what goes out ---- */

static size_t
give_body(char *to, size_t one, size_t room, void *self)
{
	struct fetch *r = self;
	(void)one;
	ssize_t n = fetch_give(r, to, room);
	if (n < 0) {
		give_up(r);
		return CURL_READFUNC_ABORT;
	}
	return (size_t)n;
}

/* A connection that was kept open turned out to be dead: once more, from the beginning. */
static int
seek_body(void *self, curl_off_t to, int origin)
{
	struct fetch *r = self;
	if (origin != SEEK_SET)
		return CURL_SEEKFUNC_CANTSEEK;
	r->sent = to;
	return CURL_SEEKFUNC_OK;
}

/* ---- what went wrong ---- */

#define NO_NAME "is the name right, and does this machine reach a name server?"
#define NOBODY "nothing listens there, or something on the way refuses"
#define SILENT "the host does not answer; --timeout sets how long to wait"
#define UNTRUSTED \
	"if the registry has an authority of its own: --cacert FILE, or /etc/docker/certs.d/HOST"
#define NO_TLS "if the registry speaks plain HTTP, --insecure allows that"
#define BROKE "the connection broke; try again"

/* "cannot fetch URL: Connection refused (ECONNREFUSED)" where the kernel said why, libcurl's words
 * otherwise. */
static void
say(struct fetch *r, CURLcode code, enum err_class class)
{
	long no = 0;
	curl_easy_getinfo(r->state->easy, CURLINFO_OS_ERRNO, &no);
	const char *what = fetch_shown(r);
	const char *verb = r->method ? "send" : "fetch";
	bool kernel = code == CURLE_COULDNT_CONNECT || code == CURLE_RECV_ERROR ||
		code == CURLE_SEND_ERROR;
	errno = (int)no;
	if (kernel && no)
		err_sys("connect", what, "cannot %s %s", verb, what);
	else
		err_set(class, what, "cannot %s %s: %s", verb, what,
			r->state->said[0] ? r->state->said : curl_easy_strerror(code));
}

static void
explain(struct fetch *r, CURLcode code)
{
	static const struct {
		CURLcode code;
		enum err_class class;
		bool passing; /* a second try may mend it */
		const char *hint;
	} known[] = {
		{CURLE_COULDNT_RESOLVE_HOST, ERR_NOT_FOUND, true, NO_NAME},
		{CURLE_COULDNT_RESOLVE_PROXY, ERR_NOT_FOUND, true, NO_NAME},
		{CURLE_COULDNT_CONNECT, ERR_NOT_FOUND, true, NOBODY},
		{CURLE_OPERATION_TIMEDOUT, ERR_NOT_FOUND, true, SILENT},
		{CURLE_PEER_FAILED_VERIFICATION, ERR_DENIED, false, UNTRUSTED},
		{CURLE_SSL_CACERT_BADFILE, ERR_INVALID, false, NULL},
		{CURLE_SSL_CONNECT_ERROR, ERR_INTERNAL, false, NO_TLS},
		{CURLE_PARTIAL_FILE, ERR_INTERNAL, true, BROKE},
		{CURLE_SEND_ERROR, ERR_INTERNAL, true, BROKE},
		{CURLE_RECV_ERROR, ERR_INTERNAL, true, BROKE},
		{CURLE_GOT_NOTHING, ERR_INTERNAL, true, BROKE},
	};
	size_t i = 0, n = sizeof(known) / sizeof(known[0]);
	while (i < n && known[i].code != code)
		i++;
	say(r, code, i < n ? known[i].class : ERR_INTERNAL);
	r->passing = i < n && known[i].passing;
	if (i < n && known[i].hint)
		err_hint("%s", known[i].hint);
}

/* Signs that the other side speaks TLS where we do not, or the reverse. */
static bool
wrong_tongue(const struct fetch *r, CURLcode code)
{
	if (code == CURLE_OK)
		return r->status == 400 && strstr(buf_str(&r->refusal), "HTTPS");
	return r->status == 0 &&
		(code == CURLE_SSL_CONNECT_ERROR || code == CURLE_UNSUPPORTED_PROTOCOL ||
			code == CURLE_WEIRD_SERVER_REPLY || code == CURLE_GOT_NOTHING ||
			code == CURLE_RECV_ERROR);
}

static void
finish(struct fetch *r, CURLcode code)
{
	const char *type = NULL;
	curl_easy_getinfo(r->state->easy, CURLINFO_RESPONSE_CODE, &r->status);
	curl_easy_getinfo(r->state->easy, CURLINFO_CONTENT_TYPE, &type);
	for (size_t i = 0; type && type[i] && !strchr("; \t", type[i]); i++)
		if (i + 1 < sizeof(r->content_type))
			r->content_type[i] =
				(char)(type[i] | (type[i] >= 'A' && type[i] <= 'Z' ? 32 : 0));
	r->done = true;
	/* What a refusing writer says while a pause ends, libcurl hands to curl_easy_pause() only:
	 * the transfer itself may go on to a good end without those bytes. */
	r->ok = code == CURLE_OK && !r->state->refused;
	r->spoke_tls = wrong_tongue(r, code);
	if (r->ok || r->state->refused)
		return;
	explain(r, code);
	r->why = err;
}

/* ---- requests ---- */

#define SET(option, value) curl_easy_setopt(e, option, value)

static void
set_up_method(struct fetch *r)
{
	CURL *e = r->state->easy;
	char rest[32];
	snprintf(rest, sizeof(rest), "%lld-", (long long)r->from);
	if (!r->method) {
		if (r->from > 0)
			SET(CURLOPT_RANGE, rest);
		return;
	}
	SET(CURLOPT_READFUNCTION, give_body);
	SET(CURLOPT_READDATA, r);
	SET(CURLOPT_SEEKFUNCTION, seek_body);
	SET(CURLOPT_SEEKDATA, r);
	if (strcmp(r->method, "HEAD") == 0) {
		SET(CURLOPT_NOBODY, 1L);
	} else if (strcmp(r->method, "POST") == 0) {
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body_len);
	} else {
		SET(CURLOPT_UPLOAD, 1L);
		SET(CURLOPT_CUSTOMREQUEST, r->method);
		SET(CURLOPT_INFILESIZE_LARGE, (curl_off_t)r->body_len);
	}
}

static void
set_up(struct fetcher *f, struct fetch *r)
{
	CURL *e = r->state->easy;
	bool tls = strncmp(r->url, "https:", 6) == 0;
	long seconds = (long)((f->o->patience + 999999999) / 1000000000);
	SET(CURLOPT_URL, r->url);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, r->method && strcmp(r->method, "HEAD") != 0 ? 0L : 1L);
	SET(CURLOPT_MAXREDIRS, (long)REDIRECTS_MAX);
	SET(CURLOPT_REDIR_PROTOCOLS_STR, tls ? "https" : "http,https");
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_HTTPHEADER, r->state->headers);
	SET(CURLOPT_USERAGENT, "tacklebox/" TACKLEBOX_VERSION);
	SET(CURLOPT_NOPROXY, f->no_proxy);
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(f->o->patience / 1000000));
	SET(CURLOPT_LOW_SPEED_LIMIT, BYTES_PER_SECOND_MIN);
	SET(CURLOPT_LOW_SPEED_TIME, seconds > 0 ? seconds : 1L);
	SET(CURLOPT_BUFFERSIZE, RECEIVE_SIZE);
	SET(CURLOPT_ERRORBUFFER, r->state->said);
	SET(CURLOPT_PRIVATE, r);
	SET(CURLOPT_WRITEFUNCTION, take_body);
	SET(CURLOPT_WRITEDATA, r);
	SET(CURLOPT_HEADERFUNCTION, take_header);
	SET(CURLOPT_HEADERDATA, r);
	if (f->o->insecure) {
		SET(CURLOPT_SSL_VERIFYPEER, 0L);
		SET(CURLOPT_SSL_VERIFYHOST, 0L);
	} else if (r->certs && r->certs->ca.len) {
		struct curl_blob pem = {r->certs->ca.s, r->certs->ca.len, CURL_BLOB_NOCOPY};
		SET(CURLOPT_CAINFO_BLOB, &pem);
	} else if (f->o->cacert) {
		SET(CURLOPT_CAINFO, f->o->cacert);
	}
	if (r->may_sign && r->certs && r->certs->cert) {
		SET(CURLOPT_SSLCERT, r->certs->cert);
		SET(CURLOPT_SSLKEY, r->certs->key);
	}
	if (r->bearer) {
		SET(CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
		SET(CURLOPT_XOAUTH2_BEARER, r->bearer);
	} else if (r->basic) {
		SET(CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
		SET(CURLOPT_USERPWD, r->basic);
	}
	set_up_method(r);
}

static int
begin(struct fetcher *f, struct fetch *r)
{
	r->state = calloc(1, sizeof(*r->state));
	if (!r->state || !(r->state->easy = curl_easy_init()))
		abort();
	for (size_t i = 0; r->headers && r->headers[i]; i++)
		r->state->headers = curl_slist_append(r->state->headers, r->headers[i]);
	/* Whether we may send was settled before; waiting for "100 Continue" only takes time. */
	if (r->body_len)
		r->state->headers = curl_slist_append(r->state->headers, "Expect:");
	set_up(f, r);
	CURLMcode code = curl_multi_add_handle(f->multi, r->state->easy);
	if (code == CURLM_OK)
		return 0;
	err_set(ERR_INTERNAL, r->url, "cannot reach %s: %s", fetch_shown(r),
		curl_multi_strerror(code));
	return -1;
}

int
fetch_start(struct fetcher *f, struct fetch *r, unsigned ms)
{
	r->done = r->ok = r->spoke_tls = r->passing = false;
	r->status = 0;
	r->got = r->from;
	r->sent = 0;
	r->begun = false;
	memset(r->content_type, 0, sizeof(r->content_type));
	fetch_head_reset(&r->head);
	buf_reset(&r->refusal);
	if (ms == 0)
		return begin(f, r);
	r->due = clock_ns(CLOCK_MONOTONIC) / 1000000 + ms;
	r->later = f->later;
	f->later = r;
	return 0;
}

static void
unlist(struct fetcher *f, const struct fetch *r)
{
	struct fetch **at = &f->later;
	while (*at && *at != r)
		at = &(*at)->later;
	if (*at)
		*at = r->later;
}

/* Begins what is due. Lessens *ms to the time until the next one is. */
static int
begin_due(struct fetcher *f, int *ms)
{
	for (struct fetch *r = f->later, *next; r; r = next) {
		int64_t left = r->due - clock_ns(CLOCK_MONOTONIC) / 1000000;
		next = r->later;
		if (left > 0) {
			*ms = left < *ms ? (int)left : *ms;
			continue;
		}
		unlist(f, r);
		if (begin(f, r) < 0)
			return -1;
	}
	return 0;
}

bool
fetch_paused(const struct fetch *r)
{
	return r->state && r->state->paused;
}

void
fetch_resume(struct fetch *r)
{
	r->state->paused = false;
	CURLcode code = curl_easy_pause(r->state->easy, CURLPAUSE_CONT);
	if (code != CURLE_OK && !r->done)
		finish(r, code);
}

void
fetch_free(struct fetcher *f, struct fetch *r)
{
	unlist(f, r);
	if (r->state) {
		curl_multi_remove_handle(f->multi, r->state->easy);
		curl_easy_cleanup(r->state->easy);
		curl_slist_free_all(r->state->headers);
		free(r->state);
		r->state = NULL;
	}
	buf_free(&r->refusal);
	free(r->head.location);
	r->head.location = NULL;
}

int
fetcher_poll(struct fetcher *f, int ms)
{
	if (begin_due(f, &ms) < 0)
		return -1;
	CURLMsg *m;
	int left, running;
	CURLMcode code = curl_multi_perform(f->multi, &running);
	bool news = false;
	while (code == CURLM_OK && (m = curl_multi_info_read(f->multi, &left))) {
		struct fetch *r = NULL;
		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &r);
		if (!r->done)
			finish(r, m->data.result);
		news = true;
	}
	if (code == CURLM_OK && !news)
		code = curl_multi_poll(f->multi, NULL, 0, ms, NULL);
	if (code == CURLM_OK)
		return 0;
	return err_set(ERR_INTERNAL, "libcurl", "cannot wait for the registry: %s",
		curl_multi_strerror(code));
}

int
fetch_now(struct fetcher *f, struct fetch *r)
{
	if (fetch_start(f, r, 0) < 0)
		return -1;
	while (!r->done)
		if (fetcher_poll(f, 1000) < 0)
			return -1;
	if (!r->ok)
		err = r->why;
	return r->ok ? 0 : -1;
}

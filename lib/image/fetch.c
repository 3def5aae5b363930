/* SPDX-License-Identifier: MIT */
#include "image/fetch.h"

#include <curl/curl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

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
};

struct fetch_state {
	CURL *easy;
	struct curl_slist *headers;
	char said[CURL_ERROR_SIZE];
	bool paused;
	bool refused; /* the writer (or our own limit) did not take the body: `err` is kept in why
		       */
};

struct fetcher *
fetcher_new(const struct fetch_options *o)
{
	const char *set = getenv("no_proxy");
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
		err_set(ERR_INTERNAL, "libcurl", "cannot set up libcurl");
		return NULL;
	}
	struct fetcher *f = calloc(1, sizeof(*f));
	if (!f || !(f->multi = curl_multi_init()))
		abort();
	f->o = o;
	/* This machine is never reached by way of a proxy. */
	f->no_proxy = fmt_new("%s%slocalhost,127.0.0.0/8,::1", set ? set : "", set ? "," : "");
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
	if (r->status != 200) {
		size_t room = REFUSAL_MAX - r->refusal.len;
		buf_add(&r->refusal, data, len < room ? len : room);
		return len;
	}
	if ((int64_t)len > r->max - r->got) {
		err_set(ERR_INVALID, r->url,
			"cannot fetch %s: more than the %lld bytes it should have", r->url,
			(long long)r->max);
		return give_up(r);
	}
	int taken = r->write(r->self, data, len);
	if (taken < 0)
		return give_up(r);
	if (taken == 0) {
		r->state->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	r->got += (int64_t)len;
	return len;
}

/* Keeps the challenge of the last answer: each redirect begins with a line "HTTP/…". */
static size_t
take_header(char *data, size_t one, size_t len, void *self)
{
	static const char name[] = "www-authenticate:";
	struct fetch *r = self;
	(void)one;
	if (len > 5 && strncmp(data, "HTTP/", 5) == 0)
		r->challenge[0] = '\0';
	if (len <= sizeof(name) || strncasecmp(data, name, sizeof(name) - 1) != 0 ||
		r->challenge[0])
		return len;
	const char *value = data + sizeof(name) - 1, *end = data + len;
	while (value < end && (*value == ' ' || *value == '\t'))
		value++;
	while (end > value && (end[-1] == '\r' || end[-1] == '\n'))
		end--;
	if ((size_t)(end - value) < sizeof(r->challenge)) {
		memcpy(r->challenge, value, (size_t)(end - value));
		r->challenge[end - value] = '\0';
	}
	return len;
}

/* ---- what went wrong ---- */

/* "cannot fetch URL: Connection refused (ECONNREFUSED)" where the kernel said why, libcurl's words
 * otherwise. */
static void
say(struct fetch *r, CURLcode code, enum err_class class)
{
	long no = 0;
	curl_easy_getinfo(r->state->easy, CURLINFO_OS_ERRNO, &no);
	bool kernel = code == CURLE_COULDNT_CONNECT || code == CURLE_RECV_ERROR ||
		code == CURLE_SEND_ERROR;
	errno = (int)no;
	if (kernel && no)
		err_sys("connect", r->url, "cannot fetch %s", r->url);
	else
		err_set(class, r->url, "cannot fetch %s: %s", r->url,
			r->state->said[0] ? r->state->said : curl_easy_strerror(code));
}

static void
explain(struct fetch *r, CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_RESOLVE_PROXY:
		say(r, code, ERR_NOT_FOUND);
		err_hint("is the name right, and does this machine reach a name server?");
		break;
	case CURLE_COULDNT_CONNECT:
		say(r, code, ERR_NOT_FOUND);
		err_hint("nothing listens there, or something on the way refuses");
		break;
	case CURLE_OPERATION_TIMEDOUT:
		say(r, code, ERR_NOT_FOUND);
		err_hint("the host does not answer; --timeout sets how long to wait");
		break;
	case CURLE_PEER_FAILED_VERIFICATION:
		say(r, code, ERR_DENIED);
		err_hint("if the registry has a certificate of its own, give its authority's with "
			 "--cacert FILE");
		break;
	case CURLE_SSL_CACERT_BADFILE:
		say(r, code, ERR_INVALID);
		break;
	case CURLE_SSL_CONNECT_ERROR:
		say(r, code, ERR_INTERNAL);
		err_hint("if the registry speaks plain HTTP, --insecure allows that");
		break;
	case CURLE_PARTIAL_FILE:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
		say(r, code, ERR_INTERNAL);
		err_hint("the connection broke; try again");
		break;
	case CURLE_TOO_MANY_REDIRECTS:
	case CURLE_UNSUPPORTED_PROTOCOL:
	default:
		say(r, code, ERR_INTERNAL);
		break;
	}
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
set_up(struct fetcher *f, struct fetch *r)
{
	CURL *e = r->state->easy;
	bool tls = strncmp(r->url, "https:", 6) == 0;
	long seconds = (long)((f->o->patience + 999999999) / 1000000000);
	SET(CURLOPT_URL, r->url);
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_FOLLOWLOCATION, 1L);
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
	} else if (f->o->cacert) {
		SET(CURLOPT_CAINFO, f->o->cacert);
	}
	if (r->bearer) {
		SET(CURLOPT_HTTPAUTH, CURLAUTH_BEARER);
		SET(CURLOPT_XOAUTH2_BEARER, r->bearer);
	}
}

int
fetch_start(struct fetcher *f, struct fetch *r)
{
	r->done = r->ok = r->spoke_tls = false;
	r->status = 0;
	r->got = 0;
	r->content_type[0] = r->challenge[0] = '\0';
	memset(r->content_type, 0, sizeof(r->content_type));
	buf_reset(&r->refusal);
	r->state = calloc(1, sizeof(*r->state));
	if (!r->state || !(r->state->easy = curl_easy_init()))
		abort();
	for (size_t i = 0; r->headers && r->headers[i]; i++)
		r->state->headers = curl_slist_append(r->state->headers, r->headers[i]);
	set_up(f, r);
	CURLMcode code = curl_multi_add_handle(f->multi, r->state->easy);
	if (code == CURLM_OK)
		return 0;
	err_set(ERR_INTERNAL, r->url, "cannot fetch %s: %s", r->url, curl_multi_strerror(code));
	return -1;
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
	if (r->state) {
		curl_multi_remove_handle(f->multi, r->state->easy);
		curl_easy_cleanup(r->state->easy);
		curl_slist_free_all(r->state->headers);
		free(r->state);
		r->state = NULL;
	}
	buf_free(&r->refusal);
}

int
fetcher_poll(struct fetcher *f, int ms)
{
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
	if (fetch_start(f, r) < 0)
		return -1;
	while (!r->done)
		if (fetcher_poll(f, 1000) < 0)
			return -1;
	if (!r->ok)
		err = r->why;
	return r->ok ? 0 : -1;
}

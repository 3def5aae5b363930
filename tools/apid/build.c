/* SPDX-License-Identifier: MIT
 * Images built as a Dockerfile says: POST /build, which is dfile-build with the context on its
 * standard input, as it comes.
 */
#include "apid.h"
#include "base/auto.h"
#include "base/base64.h"
#include "base/err.h"
#include "job.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

/* Parameters that are options, one value each. */
static const struct {
	const char *name, *option;
} plain[] = {{"dockerfile", "file"}, {"target", "target"}, {"networkmode", "network"},
	{"platform", "platform"}, {"memory", "memory"}, {"memswap", "memory-swap"},
	{"cpushares", "cpu-shares"}, {"cpuquota", "cpu-quota"}, {"cpuperiod", "cpu-period"},
	{"cpusetcpus", "cpuset-cpus"}, {"cpusetmems", "cpuset-mems"}, {"shmsize", "shm-size"}};
static const struct {
	const char *name, *option;
} flags[] = {{"nocache", "no-cache"}, {"pull", "pull"}, {"squash", "squash"}};

static void
add_tag(void *self, const char *value)
{
	if (*value)
		wordf(self, "--tag=%s", value);
}

static void
add_hosts(void *self, const char *value)
{
	auto_free char *copy = str_new(value);
	for (char *save, *w = strtok_r(copy, ",", &save); w; w = strtok_r(NULL, ",", &save))
		wordf(self, "--add-host=%s", w);
}

/* A parameter that is a JSON document of that type: a new reference; NULL without `err` when there
 * is none. */
static json_t *
document(const struct request *r, const char *name, json_type type)
{
	const char *text = request_query(r, name);
	err_clear();
	if (!text || !*text || strcmp(text, "null") == 0)
		return NULL;
	json_t *doc = json_parse(name, text, strlen(text));
	if (!doc || json_typeof(doc) == type)
		return doc;
	json_decref(doc);
	err_set(ERR_INVALID, name, "%s is not a JSON %s", name,
		type == JSON_OBJECT ? "object" : "array");
	return NULL;
}

/* {"NAME": "VALUE"}; a null value leaves the name as the Dockerfile has it. */
static int
add_map(const struct request *r, const char *name, const char *option, struct strlist *l)
{
	auto_json json_t *map = document(r, name, JSON_OBJECT);
	const char *key;
	json_t *v;
	if (!map)
		return err.message[0] ? -1 : 0;
	json_object_foreach(map, key, v) if (json_is_string(v))
		wordf(l, "--%s=%s=%s", option, key, json_string_value(v));
	return 0;
}

static int
add_lists(const struct request *r, struct strlist *l)
{
	auto_json json_t *images = document(r, "cachefrom", JSON_ARRAY);
	if (!images && err.message[0])
		return -1;
	auto_json json_t *limits = document(r, "ulimits", JSON_ARRAY);
	json_t *v;
	size_t i;
	if (!limits && err.message[0])
		return -1;
	json_array_foreach(images, i, v) if (json_is_string(v))
		wordf(l, "--cache-from=%s", json_string_value(v));
	json_array_foreach(limits, i, v)
		wordf(l, "--ulimit=%s=%" JSON_INTEGER_FORMAT ":%" JSON_INTEGER_FORMAT,
			body_text(v, "Name"), json_integer_value(body_member(v, "Soft")),
			json_integer_value(body_member(v, "Hard")));
	return 0;
}

static int
words_of(const struct request *r, struct strlist *l)
{
	word(l, "dfile-build");
	/* Quietly means the id and nothing else, which is what the tool prints. */
	word(l, request_flag(r, "q", false) ? "--quiet" : "--progress=json");
	for (size_t i = 0; i < sizeof(plain) / sizeof(plain[0]); i++) {
		const char *v = request_query(r, plain[i].name);
		if (v && *v && strcmp(v, "0") != 0)
			wordf(l, "--%s=%s", plain[i].option, v);
	}
	for (size_t i = 0; i < sizeof(flags) / sizeof(flags[0]); i++)
		if (request_flag(r, flags[i].name, false))
			wordf(l, "--%s", flags[i].option);
	request_each(r, "t", add_tag, l);
	request_each(r, "extrahosts", add_hosts, l);
	if (add_map(r, "buildargs", "build-arg", l) < 0 || add_map(r, "labels", "label", l) < 0)
		return -1;
	return add_lists(r, l);
}

/* Who the client is to registries: base64 of JSON, which goes on as it is, by a pipe that holds it
 * all. *fd is its end to read from, 0 when there is nothing in it. */
static int
open_auths(const struct request *r, int *fd)
{
	const char *packed = request_header(r, "X-Registry-Config");
	auto_buf struct buf text = BUF_INIT;
	int ends[2];
	*fd = 0;
	if (!packed || !*packed)
		return 0;
	if (base64_decode(packed, &text) < 0)
		return err_set(ERR_INVALID, NULL, "X-Registry-Config is not base64");
	auto_json json_t *doc = json_parse("X-Registry-Config", buf_str(&text), text.len);
	if (!json_object_size(doc))
		return doc ? 0 : -1;
	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return err_sys("pipe2", NULL, "cannot make a pipe");
	ssize_t n = write(ends[1], text.s, text.len);
	explicit_bzero(text.s, text.len);
	close(ends[1]);
	*fd = ends[0];
	return n == (ssize_t)text.len ? 0
				      : err_set(ERR_INVALID, NULL, "X-Registry-Config is too long");
}

/* What is built: what remote names, or the body. */
static int
begin(struct request *r, int auths)
{
	struct strlist l = {0};
	const char *remote = request_query(r, "remote");
	bool far = remote && *remote;
	if (words_of(r, &l) < 0) {
		words_free(&l);
		return -1;
	}
	if (auths)
		word(&l, "--auths-fd=3");
	word(&l, "--");
	word(&l, far ? remote : "-");
	r->job = job_start("an image, as a Dockerfile says", &l, !far, auths);
	return r->job ? 0 : -1;
}

int
build_begin(struct request *r)
{
	int auths = 0;
	const char *version = request_query(r, "version");
	if (version && strcmp(version, "2") == 0)
		return err_set(ERR_UNSUPPORTED, NULL,
			"there is no BuildKit here: build with DOCKER_BUILDKIT=0");
	int ok = open_auths(r, &auths) < 0 ? -1 : begin(r, auths);
	if (auths)
		close(auths);
	return ok;
}

static int
quietly(struct request *r)
{
	auto_buf struct buf id = BUF_INIT, line = BUF_INIT;
	char data[256];
	ssize_t n;
	job_fed(r->job);
	while ((n = job_read(r->job, r, data, sizeof(data))) > 0)
		buf_add(&id, data, (size_t)n);
	if (n < 0 || job_result(r->job) < 0)
		return -1;
	buf_adds(&line, "{\"stream\":");
	buf_add_json(&line, buf_str(&id));
	buf_adds(&line, "}\r\n");
	return reply_bytes(r, 200, "application/json", line.s, line.len);
}

int
build(struct request *r)
{
	struct job *j = r->job;
	if (request_flag(r, "q", false))
		return quietly(r);
	r->job = NULL;
	return job_stream_json(r, j, 0);
}

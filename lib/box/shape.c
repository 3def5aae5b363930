/* SPDX-License-Identifier: MIT */
#include "box/shape.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The member called `name` or, where there is none, one that differs in case alone. */
static json_t *
member(json_t *object, const char *name, size_t len, const char **found)
{
	const char *key;
	json_t *value, *near = NULL;
	json_object_foreach(object, key, value)
	{
		if (strlen(key) != len || strncasecmp(key, name, len) != 0 || json_is_null(value))
			continue;
		if (strncmp(key, name, len) == 0) {
			*found = key;
			return value;
		}
		if (!near) {
			near = value;
			*found = key;
		}
	}
	return near;
}

static json_t *
fill_map(const struct jat *at, json_t *shape)
{
	auto_json json_t *out = json_object();
	const char *key;
	json_t *value;
	if (jat_object(at) < 0)
		return NULL;
	json_object_foreach(at->v, key, value)
	{
		const struct jat place = {at, key, 0, json_is_null(value) ? NULL : value};
		json_t *one = shape_fill(&place, shape);
		if (!one)
			return NULL;
		json_object_set_new(out, key, one);
	}
	return json_incref(out);
}

static json_t *
fill_object(const struct jat *at, json_t *shape)
{
	auto_json json_t *out = json_object();
	const char *key;
	json_t *sub, *any = json_object_get(shape, "*");
	if (any)
		return fill_map(at, any);
	if (jat_object(at) < 0)
		return NULL;
	json_object_foreach(shape, key, sub)
	{
		size_t len = strcspn(key, "?");
		char name[64];
		snprintf(name, sizeof(name), "%.*s", (int)len, key);
		struct jat place = {at, name, 0, NULL};
		place.v = member(at->v, name, len, &place.key);
		json_t *one = !place.v && key[len] ? json_null() : shape_fill(&place, sub);
		if (!one)
			return NULL;
		json_object_set_new(out, name, one);
	}
	return json_incref(out);
}

static json_t *
fill_array(const struct jat *at, json_t *shape)
{
	auto_json json_t *out = json_array();
	json_t *item = json_array_get(shape, 0);
	if (json_is_string(at->v) && json_is_string(item))
		return json_pack("[O]", at->v);
	if (jat_array(at) < 0)
		return NULL;
	for (size_t i = 0; i < jat_len(at); i++) {
		const struct jat place = jat_item(at, i);
		json_t *one = shape_fill(&place, item);
		if (!one)
			return NULL;
		json_array_append_new(out, one);
	}
	return json_incref(out);
}

static json_t *
fill_scalar(const struct jat *at, json_t *shape)
{
	static const char *const names[] = {
		"an object", "a list", "text", "a whole number", "a number", "true or false"};
	bool fits = json_typeof(at->v) == json_typeof(shape) ||
		(json_is_boolean(at->v) && json_is_boolean(shape));
	/* A whole number may be written as 5e7. */
	if (!fits && json_is_integer(shape) && json_is_real(at->v) &&
		json_real_value(at->v) == (double)(json_int_t)json_real_value(at->v))
		return json_integer((json_int_t)json_real_value(at->v));
	if (fits)
		return json_incref(at->v);
	unsigned kind = json_is_boolean(shape) ? 5 : (unsigned)json_typeof(shape);
	jat_fail(at, ERR_INVALID, "is not %s", names[kind]);
	return NULL;
}

json_t *
shape_fill(const struct jat *at, json_t *shape)
{
	if (json_is_null(shape))
		return at->v ? json_incref(at->v) : json_null();
	if (json_is_object(shape)) {
		json_t *empty = at->v ? NULL : json_object();
		const struct jat place = {at->up, at->key, at->index, at->v ? at->v : empty};
		json_t *out = fill_object(&place, shape);
		json_decref(empty);
		return out;
	}
	if (json_is_array(shape))
		return at->v ? fill_array(at, shape) : json_array();
	return at->v ? fill_scalar(at, shape) : json_incref(shape);
}

static bool
says_nothing(const json_t *v)
{
	return json_is_null(v) || json_is_false(v) ||
		(json_is_integer(v) && json_integer_value(v) == 0) ||
		(json_is_string(v) && !json_string_length(v)) ||
		(json_is_array(v) && !json_array_size(v)) ||
		(json_is_object(v) && !json_object_size(v));
}

/* The shape of a member, NULL when it is not known. */
static json_t *
shape_of(json_t *shape, const char *name)
{
	const char *key;
	json_t *sub, *any = json_object_get(shape, "*");
	if (any)
		return any;
	json_object_foreach(shape, key, sub)
	{
		size_t len = strcspn(key, "?");
		if (strlen(name) == len && strncasecmp(key, name, len) == 0)
			return sub;
	}
	return NULL;
}

int
shape_check_known(const struct jat *at, json_t *shape)
{
	const char *key;
	json_t *v;
	for (size_t i = 0; json_is_array(at->v) && json_is_array(shape) && i < jat_len(at); i++) {
		const struct jat place = jat_item(at, i);
		if (shape_check_known(&place, json_array_get(shape, 0)) < 0)
			return -1;
	}
	if (!json_is_object(at->v) || !json_is_object(shape))
		return 0;
	json_object_foreach(at->v, key, v)
	{
		const struct jat place = {at, key, 0, v};
		json_t *sub = shape_of(shape, key);
		if (!sub && !says_nothing(v))
			return jat_fail(&place, ERR_INVALID, "is not known");
		if (sub && shape_check_known(&place, sub) < 0)
			return -1;
	}
	return 0;
}

#define HEALTH \
	"\"Healthcheck?\":{\"Test\":[\"\"],\"Interval\":0,\"Timeout\":0,\"StartPeriod\":0," \
	"\"Retries\":0}"

static const char image_text[] =
	"{\"User\":\"\",\"ExposedPorts\":{\"*\":{}},\"Env\":[\"\"],\"Cmd?\":[\"\"],"
	"\"Entrypoint?\":[\"\"],\"Volumes\":{\"*\":{}},\"WorkingDir\":\"\",\"Labels\":{\"*\":\"\"},"
	"\"StopSignal?\":\"\",\"OnBuild?\":[\"\"],\"Shell?\":[\"\"]," HEALTH "}";

static const char create_text[] =
	"{\"Hostname\":\"\",\"Domainname\":\"\",\"User\":\"\",\"AttachStdin\":false,"
	"\"AttachStdout\":false,\"AttachStderr\":false,\"ExposedPorts\":{\"*\":{}},\"Tty\":false,"
	"\"OpenStdin\":false,\"StdinOnce\":false,\"Env\":[\"\"],\"Cmd?\":[\"\"],\"Image\":\"\","
	"\"Volumes\":{\"*\":{}},\"WorkingDir\":\"\",\"Entrypoint?\":[\"\"],\"NetworkDisabled\":false,"
	"\"MacAddress\":\"\",\"OnBuild?\":[\"\"],\"Labels\":{\"*\":\"\"},\"StopSignal?\":\"\","
	"\"StopTimeout?\":0,\"Shell?\":[\"\"]," HEALTH ","
	"\"HostConfig\":{\"Binds\":[\"\"],\"ContainerIDFile\":\"\","
	"\"LogConfig\":{\"Type\":\"\",\"Config\":{\"*\":\"\"}},\"NetworkMode\":\"default\","
	"\"PortBindings\":{\"*\":[{\"HostIp\":\"\",\"HostPort\":\"\"}]},"
	"\"RestartPolicy\":{\"Name\":\"no\",\"MaximumRetryCount\":0},\"AutoRemove\":false,"
	"\"VolumeDriver\":\"\",\"VolumesFrom\":[\"\"],\"CapAdd\":[\"\"],\"CapDrop\":[\"\"],"
	"\"CgroupnsMode\":\"\",\"Dns\":[\"\"],\"DnsOptions\":[\"\"],\"DnsSearch\":[\"\"],"
	"\"ExtraHosts\":[\"\"],\"GroupAdd\":[\"\"],\"IpcMode\":\"\",\"Cgroup\":\"\",\"Links\":[\"\"],"
	"\"OomScoreAdj\":0,\"PidMode\":\"\",\"Privileged\":false,\"PublishAllPorts\":false,"
	"\"ReadonlyRootfs\":false,\"SecurityOpt\":[\"\"],\"Tmpfs\":{\"*\":\"\"},\"UTSMode\":\"\","
	"\"UsernsMode\":\"\",\"StorageOpt\":{\"*\":\"\"},\"ShmSize\":0,\"Sysctls\":{\"*\":\"\"},\"Runtime\":\"\",\"Init?\":false,"
	"\"ConsoleSize\":[0],\"Isolation\":\"\",\"CpuShares\":0,\"Memory\":0,\"NanoCpus\":0,"
	"\"CgroupParent\":\"\",\"BlkioWeight\":0,"
	"\"BlkioDeviceReadBps\":[{\"Path\":\"\",\"Rate\":0}],"
	"\"BlkioDeviceWriteBps\":[{\"Path\":\"\",\"Rate\":0}],"
	"\"BlkioDeviceReadIOps\":[{\"Path\":\"\",\"Rate\":0}],"
	"\"BlkioDeviceWriteIOps\":[{\"Path\":\"\",\"Rate\":0}],\"CpuPeriod\":0,\"CpuQuota\":0,"
	"\"CpusetCpus\":\"\",\"CpusetMems\":\"\",\"Devices\":[{\"PathOnHost\":\"\","
	"\"PathInContainer\":\"\",\"CgroupPermissions\":\"\"}],\"DeviceCgroupRules\":[\"\"],"
	"\"MemoryReservation\":0,\"MemorySwap\":0,\"MemorySwappiness?\":0,\"OomKillDisable?\":false,"
	"\"PidsLimit?\":0,\"Ulimits\":[{\"Name\":\"\",\"Soft\":0,\"Hard\":0}],\"NetworkRate\":\"\","
	"\"Mounts\":[{\"Type\":\"\",\"Source\":\"\",\"Target\":\"\",\"ReadOnly\":false,"
	"\"Consistency\":\"\",\"BindOptions?\":{\"Propagation\":\"\",\"NonRecursive\":false,"
	"\"CreateMountpoint\":false},\"VolumeOptions?\":{\"NoCopy\":false,\"Labels\":{\"*\":\"\"}},"
	"\"TmpfsOptions?\":{\"SizeBytes\":0,\"Mode\":0}}],\"MaskedPaths?\":[\"\"],"
	"\"ReadonlyPaths?\":[\"\"]},"
	"\"NetworkingConfig\":{\"EndpointsConfig\":{\"*\":{\"IPAMConfig?\":{\"IPv4Address\":\"\","
	"\"IPv6Address\":\"\"},\"Links?\":[\"\"],\"Aliases?\":[\"\"],\"MacAddress\":\"\"}}}}";

static json_t *
parsed(json_t **kept, const char *text)
{
	if (!*kept && !(*kept = json_loads(text, 0, NULL)))
		abort();
	return *kept;
}

json_t *
shape_create(void)
{
	static json_t *shape;
	return parsed(&shape, create_text);
}

json_t *
shape_image(void)
{
	static json_t *shape;
	return parsed(&shape, image_text);
}

/* SPDX-License-Identifier: MIT
 * The machine, and ourselves.
 */
#include "apid.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/file.h"
#include "base/human.h"
#include "box/box.h"
#include "door/state.h"
#include "image/list.h"
#include "job.h"
#include "mech/cgroup.h"

#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

int
system_ping(struct request *r)
{
	reply_header(r, "Cache-Control", "no-cache, no-store, must-revalidate");
	reply_header(r, "Pragma", "no-cache");
	reply_header(r, "Builder-Version", "1");
	reply_header(r, "Swarm", "inactive");
	return reply_bytes(r, 200, "text/plain; charset=utf-8", "OK", 2);
}

/* Go's word for the machine. */
static const char *
go_arch(const char *machine)
{
	static const char *const words[][2] = {
		{"x86_64", "amd64"}, {"aarch64", "arm64"}, {"armv7l", "arm"}, {"i686", "386"}};
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(machine, words[i][0]) == 0)
			return words[i][1];
	return machine;
}

int
system_version(struct request *r)
{
	struct utsname u;
	uname(&u);
	const char *arch = go_arch(u.machine);
	json_t *details = json_pack("{s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s}", "ApiVersion",
		API_VERSION, "MinAPIVersion", API_VERSION_MIN, "GitCommit", "", "GoVersion", "",
		"Os", "linux", "Arch", arch, "BuildTime", "", "Experimental", "false",
		"KernelVersion", u.release);
	return reply_json(r, 200,
		json_pack("{s:{s:s},s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:s,s:[{s:s,s:s,s:o}]}",
			"Platform", "Name", "tacklebox", "Version", TACKLEBOX_VERSION, "ApiVersion",
			API_VERSION, "MinAPIVersion", API_VERSION_MIN, "GitCommit", "", "GoVersion",
			"", "Os", "linux", "Arch", arch, "KernelVersion", u.release, "BuildTime",
			"", "Components", "Name", "Engine", "Version", TACKLEBOX_VERSION, "Details",
			details));
}

/* ---- info ---- */

struct counts {
	int all, running, paused;
};

static int
count(const struct box *b, void *arg)
{
	struct counts *c = arg;
	struct box_state st;
	box_state(b, &st);
	c->all++;
	c->running += st.status == BOX_RUNNING || st.status == BOX_RESTARTING;
	c->paused += st.status == BOX_PAUSED;
	return 0;
}

/* How many there are, each counted once however many names it has. */
static int
count_images(void)
{
	struct image_list l = {0};
	auto_buf struct buf left_out = BUF_INIT;
	auto_store struct store *s = store_open();
	int n = 0;
	if (!s || images_list(s, &l, &left_out) < 0)
		err_clear();
	for (size_t i = 0; i < l.n; i++) {
		size_t k = 0;
		while (k < i && strcmp(l.v[k].id, l.v[i].id) != 0)
			k++;
		n += k == i;
	}
	images_list_free(&l);
	return n;
}

static void
add_host(json_t *doc)
{
	struct utsname u;
	struct sysinfo si;
	char name[128] = "Linux", line[256], now[TIME_TEXT];
	struct timespec t;
	uname(&u);
	sysinfo(&si);
	clock_gettime(CLOCK_REALTIME, &t);
	auto_file FILE *f = fopen("/etc/os-release", "re");
	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "PRETTY_NAME=\"%127[^\"]", name) == 1)
			break;
	json_object_update_new(doc,
		json_pack("{s:s,s:s,s:s,s:s,s:i,s:I,s:s,s:s}", "KernelVersion", u.release,
			"OperatingSystem", name, "OSType", "linux", "Architecture", u.machine,
			"NCPU", get_nprocs(), "MemTotal", (json_int_t)si.totalram * si.mem_unit,
			"Name", u.nodename, "SystemTime",
			time_rfc3339_ns((int64_t)t.tv_sec * 1000000000 + t.tv_nsec, now)));
}

static bool
is_on(const char *path)
{
	int64_t n;
	return file_read_number(path, &n) == 0 && n == 1;
}

/* What old clients look at one by one: here all that we can limit can be limited. */
static void
add_features(json_t *doc)
{
	static const char *const yes[] = {"MemoryLimit", "SwapLimit", "CpuCfsPeriod", "CpuCfsQuota",
		"CPUShares", "CPUSet", "PidsLimit"};
	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		json_object_set_new(doc, yes[i], json_true());
	json_object_set_new(doc, "OomKillDisable", json_false());
	json_object_set_new(
		doc, "IPv4Forwarding", json_boolean(is_on("/proc/sys/net/ipv4/ip_forward")));
	json_object_set_new(doc, "BridgeNfIptables", json_false());
	json_object_set_new(doc, "BridgeNfIp6tables", json_false());
}

/* What is the same everywhere. */
static json_t *
plain_info(void)
{
	json_t *runc = json_pack("{s:{s:s}}", "tacklebox", "path", "ns-exec");
	json_t *doc =
		json_pack("{s:s,s:s,s:[],s:s,s:s,s:{s:[s],s:[s,s,s],s:[s,s],s:n},s:{s:s,s:s,s:b},"
			  "s:o,s:s,s:s,s:[s],s:b,s:b,s:s,s:s,s:s,s:[],s:b,s:[],s:s}",
			"ServerVersion", TACKLEBOX_VERSION, "Driver", "overlay2", "DriverStatus",
			"LoggingDriver", "json-file", "CgroupDriver", "cgroupfs", "Plugins",
			"Volume", "local", "Network", "bridge", "host", "null", "Log", "json-file",
			"none", "Authorization", "Swarm", "LocalNodeState", "inactive", "NodeID",
			"", "ControlAvailable", 0, "Runtimes", runc, "DefaultRuntime", "tacklebox",
			"InitBinary", "ns-exec", "SecurityOptions", "name=seccomp,profile=default",
			"Debug", 0, "ExperimentalBuild", 0, "HttpProxy", "", "HttpsProxy", "",
			"NoProxy", "", "Labels", "LiveRestoreEnabled", 1, "Warnings",
			"IndexServerAddress", "https://index.docker.io/v1/");
	/* What Docker 1.6 told, for those who still ask. */
	json_object_update_new(doc,
		json_pack("{s:s,s:s,s:s,s:i,s:i,s:i}", "ExecutionDriver", "tacklebox", "InitPath",
			"", "InitSha1", "", "NFd", 0, "NGoroutines", 0, "NEventsListener", 0));
	json_object_set_new(doc, "RegistryConfig",
		json_pack("{s:[s],s:{},s:[]}", "InsecureRegistryCIDRs", "127.0.0.0/8",
			"IndexConfigs", "Mirrors"));
	for (size_t i = 0; i < 3; i++)
		json_object_set_new(doc,
			(const char *const[]){"ContainerdCommit", "RuncCommit", "InitCommit"}[i],
			json_pack("{s:s,s:s}", "ID", "", "Expected", ""));
	return doc;
}

int
system_info(struct request *r)
{
	struct counts c = {0};
	char root[PATH_MAX];
	if (state_root(root) < 0 || box_each(count, &c) < 0)
		return -1;
	json_t *doc = plain_info();
	json_object_update_new(doc,
		json_pack("{s:s,s:i,s:i,s:i,s:i,s:i,s:s,s:s}", "ID", "TACKLEBOX", "Containers",
			c.all, "ContainersRunning", c.running, "ContainersPaused", c.paused,
			"ContainersStopped", c.all - c.running - c.paused, "Images", count_images(),
			"DockerRootDir", root, "CgroupVersion",
			file_exists("/sys/fs/cgroup/cgroup.controllers") ? "2" : "1"));
	add_host(doc);
	add_features(doc);
	return reply_json(r, 200, doc);
}

int
system_df(struct request *r)
{
	struct strlist l = {0};
	word(&l, "tb-df");
	word(&l, "--json");
	return job_reply_json(r, "what takes how much", &l, NULL, 200);
}

/* The password goes by descriptor, as the client sent it. */
int
system_auth(struct request *r)
{
	struct strlist l = {0};
	auto_json json_t *doc = body_json(r, false);
	if (!doc)
		return -1;
	word(&l, "img-auth");
	word(&l, "--creds-fd=0");
	word(&l, "--");
	word(&l, body_text(doc, "serveraddress"));
	int ok = job_run("whether the registry knows the user", &l, &r->body, NULL);
	explicit_bzero(r->body.s, r->body.len);
	if (ok < 0)
		return reply_error(r, err.class == ERR_DENIED ? 401 : 0);
	return reply_json(
		r, 200, json_pack("{s:s,s:s}", "IdentityToken", "", "Status", "Login Succeeded"));
}

/* ---- what there is not ---- */

int
system_no_swarm(struct request *r)
{
	err_set(ERR_UNSUPPORTED, NULL,
		"This node is not a swarm manager. Use \"docker swarm init\" or \"docker swarm "
		"join\" to connect this node to swarm and try again.");
	return reply_error(r, 503);
}

int
system_never_swarm(struct request *r)
{
	return err_set(ERR_UNSUPPORTED, r->path, "there is no swarm here, only this machine");
}

int
system_plugins(struct request *r)
{
	return reply_json(r, 200, json_array());
}

int
system_no_plugin(struct request *r)
{
	return err_set(ERR_NOT_FOUND, r->part[0], "plugin \"%s\" not found", r->part[0]);
}

int
system_prune_builds(struct request *r)
{
	return reply_json(r, 200, json_pack("{s:n,s:i}", "CachesDeleted", "SpaceReclaimed", 0));
}

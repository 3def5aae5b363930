/* SPDX-License-Identifier: MIT
 * Between the files of dfile-build.
 */
#ifndef BUILD_H
#define BUILD_H

#include "base/json.h"
#include "base/opt.h"
#include "dfile/dfile.h"
#include "dfile/ignore.h"
#include "image/buildcache.h"
#include "image/platform.h"
#include "image/store.h"
#include "mech/cgroup.h"

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- what was asked for (main.c) ---- */

enum progress { PROGRESS_PLAIN, PROGRESS_TTY, PROGRESS_JSON, PROGRESS_QUIET };

struct asked {
	struct strlist tags, args, labels, secrets, ssh, cache_from, allow, hosts, ulimits;
	const char *context, *file, *target, *network, *platform, *iidfile, *progress_word;
	bool no_cache, pull, squash, quiet;
	enum progress progress;
	int64_t max_context, shm_size, auths_fd;
	json_t *auths; /* who we are to registries (image/creds.h); NULL: as docker login has it */
	struct {
		int64_t memory, swap, shares, period, quota, pids;
		const char *cpus, *mems;
	} limits;
	struct platform wanted, host;
};
extern struct asked asked;

/* ---- names and values ---- */

struct vars {
	char **name, **value; /* value NULL: declared, without one */
	size_t n;
};
void vars_set(struct vars *v, const char *name, const char *value);
/* NULL: not there, or without a value. */
const char *vars_get(const struct vars *v, const char *name);
bool vars_has(const struct vars *v, const char *name);
/* The value that --build-arg gives, noted as used; NULL. */
const char *asked_arg(const char *name);
/* The value of TARGETPLATFORM and its kin; NULL for other names. */
const char *platform_arg(const char *name);
/* Warns of those that nobody used. */
void asked_args_unused(void);
/* HTTP_PROXY and its kin: a RUN has them without ARG, and no record is bound to them. */
extern const char *const proxy_args[];

/* ---- an image while it is made (state.c) ---- */

struct state {
	json_t *config; /* the whole document */
	struct build_layer *layers;
	size_t n;
	size_t n_base; /* of them, those that FROM brought */
	/* What it is known by in keys: of the image that FROM names its id, and then the hash of
	 * that and all steps since; when all is done, the image's own id. */
	char id[DIGEST_SIZE];
};
void state_scratch(const struct platform *p, struct state *st);
int state_from_image(const struct store *s, const char *name, struct state *st);
void state_copy(const struct state *from, struct state *to);
void state_free(struct state *st);
/* The object "config" in it. */
json_t *state_settings(const struct state *st);
const char *state_env(const struct state *st, const char *name);
/* Adds a step to the history, and its layer (NULL: none). `said`: what it did that neither of them
 * tells. */
int state_add(struct state *st, int64_t created, const char *by, const char *said,
	const struct build_layer *layer);
/* Gives it the id that the image will have. */
void state_identify(struct state *st);
/* Directories of its layers, bottom first: paths, and descriptors. */
int state_layer_paths(const struct store *s, const struct state *st, struct strlist *out);
/* Config, manifest, and entries in the index: under each of asked.tags, or one without a name. */
int state_enter(struct store *s, struct state *st);
/* The same for a while, with an entry only if there is none; state_leave() takes that away. */
struct passing {
	char digest[DIGEST_SIZE]; /* of the manifest */
	bool entered;
};
int state_pass(struct store *s, struct state *st, struct passing *p);
int state_leave(struct store *s, const struct passing *p);
/* A stage's result, from its process to ours and back. */
json_t *state_to_json(const struct state *st);
int state_from_json(const json_t *doc, struct state *st);

/* ---- files to copy from (sources.c) ---- */

struct source {
	int root; /* open directory */
	const char *shown;
	const struct dfile_ignore *ignore;
	bool fetched; /* it holds the file behind an URL */
};

struct item {
	const struct source *from;
	char *path; /* in the source; no part but the last is a symlink */
	char *to; /* below the destination; "": the destination itself */
	char *text; /* of a here-document; then path is its name */
	mode_t mode;
	uid_t uid;
	gid_t gid;
	int64_t size, sec, nsec; /* when it was written to last */
	int64_t csec, cnsec; /* when anything of it was changed */
	uint64_t dev, ino, rdev;
	bool top; /* the directory that was named: what it is called does not count */
	bool word; /* a file that was named itself: ADD takes it apart if it is an archive */
};

struct build;
struct items {
	struct item *v;
	size_t n;
	size_t named; /* how many words of the instruction they came from, wildcards counted */
};
struct gather {
	const struct source *from;
	const struct dfile_ignore *exclude; /* --exclude */
	bool parents; /* --parents */
	struct items *out;
};
/* Finds what a word of COPY means, and all that is below. -1 with `err` set: not-found. */
int gather(const struct gather *g, const char *word);
/* The same of a clean path without wildcards. `pivot`: what --parents keeps of it. */
int gather_named(const struct gather *g, const char *path, const char *pivot);
/* Appends what a record depends on: names, modes, owners, attributes, content. */
int items_sum(const struct build *b, const struct items *list, struct buf *key);
void items_free(struct items *list);
/* What is known of the files of a context, by its real path (sums.c). */
void sums_open(const char *context);
/* The digest of a file, and of its attributes, that was not changed since it was read; NULL. */
const char *sums_find(const struct item *it);
void sums_add(const struct build *b, const struct item *it, const char *digest);
int sums_save(void);
/* The real path, below the top, of what a path of the source means. 0, or -1 with errno set. */
int real_path(int root, const char *path, int flags, int *fd, char out[PATH_MAX]);

/* ---- one build ---- */

struct context {
	int fd; /* -1: there is none */
	char path[PATH_MAX];
	struct dfile_ignore *ignore;
	struct buf dockerfile;
	char *name; /* of the Dockerfile, for messages */
};

struct stage {
	unsigned number;
	char *name; /* lower case; NULL */
	size_t first, n; /* its instructions, FROM among them */
	unsigned step; /* number of its first one, from 1 */
	char *image; /* what FROM says, expanded */
	char *platform; /* of FROM; NULL */
	int base; /* the stage that is meant, -1: an image */
	bool *needs; /* one for each stage */
	unsigned users; /* stages that need it and are not done */
	bool needed, running, done;
	struct state st;
	struct vars args; /* declared in it so far */
	unsigned count; /* directories made for it */
	char *group, *net; /* of its RUNs; NULL: not made yet; group "": there can be none */
	bool cmd_set; /* CMD was among its instructions */
};

struct build {
	struct store *store;
	char id[17];
	char dir[PATH_MAX]; /* its own, below build/run */
	struct context ctx;
	struct dfile d;
	struct vars global; /* ARG before the first FROM */
	struct stage *stages;
	size_t n;
	unsigned target;
	unsigned steps; /* of the whole build */
	int mounts; /* the child's mount namespace, for its parent; -1 */
	char group[96], net[PATH_MAX];
	int64_t now; /* SOURCE_DATE_EPOCH, or the time */
	int64_t began; /* the time */
	bool clamp; /* it is SOURCE_DATE_EPOCH: files are not younger */
};

/* The context, and the Dockerfile (context.c). */
int context_open(struct build *b);
/* Unpacks a tar, in any compression, below an open directory (unpack.c). `literal`: not a layer. */
struct unpack {
	int fd; /* where it comes from */
	const void *head; /* what was read of it already */
	size_t n_head;
	int dir;
	const char *shown;
};
int unpack_tar(const struct unpack *u);
/* Whether a file is a tar, perhaps compressed. */
bool is_archive(int fd);
bool is_archive_head(const void *head, size_t n);

/* What the stages are, and which of them the target needs (plan.c). */
int plan_make(struct build *b);
/* Looks a stage up by name or number: -1 when there is none. */
int plan_find(const struct build *b, const char *name);
/* Runs those that are needed, side by side where they can (stages.c). */
int stages_run(struct build *b);
/* One, from FROM to its end (stage.c). */
int stage_run(struct build *b, struct stage *s);
/* The image that --from means when it is no stage: got if need be (from.c). */
int image_get(struct build *b, const char *name, const char *platform, struct state *st);
/* Takes away all that a build has made and that is not to stay (end.c). */
void build_end(struct build *b);
/* The same after a failure: no fault is injected any more. */
void build_take_away(struct build *b);
/* Ends the programs that a worker has left that was killed: they became our children, and may be
 * about to make something in the build's directory. */
void build_end_strays(void);
/* Fills in what the build of this id, whose directory lies in `place`, calls its own. */
void build_name_it(struct build *b, const char *id, const char *place);
/* Takes away what builds have left that were killed altogether. */
int build_sweep(const char *place);

/* ---- a tree to work in (tree.c) ---- */

struct tree {
	char dir[PATH_MAX]; /* holds the others */
	char upper[PATH_MAX], root[PATH_MAX];
	int fd; /* the root, open; -1 in a dry run */
	const int *lower; /* descriptors of the layers, its stage's; none where it is only read */
	size_t n_lower;
	bool mounted;
	bool bare; /* nothing is below, and the root is the upper */
	struct stub *stubs; /* mount points that were not there */
	size_t n_stubs;
};
/* Joins the layers, with a place for changes above them, or without (read_only). */
int tree_open(
	struct build *b, struct stage *s, const struct state *st, bool read_only, struct tree *t);
/* A place for changes that does not look at the layers below it. */
int tree_open_bare(struct build *b, struct stage *s, const struct state *st, struct tree *t);
/* Unmounts it; what was changed is left in t->upper. */
int tree_unmount(struct tree *t);
/* Whether anything was changed: after tree_unmount(). */
bool tree_changed(const struct tree *t);
/* What was changed becomes a layer. */
int tree_adopt(struct build *b, const struct state *st, struct tree *t, struct build_layer *out);
/* Removes what is left of it. */
int tree_close(struct tree *t);
/* Makes a place where something is to be mounted, if there is none; it goes again with
 * tree_unmount(), if it is empty by then. */
int tree_stub(struct tree *t, const char *path, bool directory);
/* Makes directories, with this owner, where they are missing. Gives the last one, opened O_PATH. */
struct owner {
	uid_t uid;
	gid_t gid;
};
int tree_make_dirs(struct tree *t, const char *path, const struct owner *o, int *fd);
/* Who "user:group" is, by the files of the tree. A user alone has its group, or that of its number.
 */
int tree_owner(const struct tree *t, const char *text, struct owner *o);

/* ---- instructions ---- */

struct task {
	struct build *b;
	struct stage *s;
	const struct dfile_inst *raw;
	struct dfile_inst x; /* expanded */
	struct buf key; /* what its result depends on, beside the image before it */
	struct buf by; /* what the history says of it */
	/* Sums of the files that mounts of the context are of, when the key was made; and of those
	 * that the program saw. */
	struct buf seen, shown;
	struct copying *copying; /* of COPY and ADD */
};
void task_free(struct task *p);
int run_prepare(struct task *p); /* run.c */
int run_make(struct task *p, struct build_record *r);
/* Where it runs (run_where.c): the group and the network of its stage, made once, and --bind words
 * of its files below /etc. */
const char *run_network(const struct task *p);
int run_group(struct task *p);
int run_net(struct task *p);
int run_etc(struct task *p, struct tree *t, struct strlist *l);
int copy_prepare(struct task *p); /* copy.c */
int copy_make(struct task *p, struct build_record *r);
void copying_free(struct copying *c);
/* Adds what an URL or a repository of ADD brings (remote.c). 1: it was one, 0: it is a path. */
int remote_gather(struct task *p, const char *word, struct gather *g);
bool is_remote(const char *word);
bool is_git(const char *word);
/* An URL as people may see it, without user and password (RFC 3986, 3.2.1); other words as they
 * are. New string. */
char *url_shown(const char *word);
/* Fetches an URL to a file, or a repository (repository.c) to a directory; both must not be there.
 */
int remote_fetch(const char *url, const char *path);
int git_fetch(const char *url, const char *path, bool keep_git);
/* The absolute form of a directory that WORKDIR, or a destination, names. New string. */
char *absolute_path(const struct state *st, const char *path);
int workdir_make(struct task *p, struct build_record *r);
/* What a settings instruction does to the config (settings.c). */
int settings_change(struct task *p);
/* Appends what the history says of it; and what tells it from all others, which that does not:
 * words with spaces in them look like two. */
void settings_by(const struct task *p, struct buf *out);
void settings_key(const struct task *p, struct buf *out);
/* Appends "LENGTH:WORD ", for keys. */
void key_word(struct buf *key, const char *word);

/* The step of an image of --cache-from that is this one (cache_from.c): by its text; or by what it
 * has made, which lies in t->upper. False: there is none. */
bool cache_from_text(const struct task *p, struct build_record *r);
bool cache_from_files(const struct task *p, const struct tree *t, struct build_record *r);
/* Whether two directories are layers that say the same (same.c). */
bool same_layers(int dir_a, const char *path_a, int dir_b, const char *path_b);

/* --mount of RUN (mounts.c) */
struct held_cache {
	int fd; /* its lock, -1: not taken (yet) */
	char *dir;
	bool alone; /* not together with others */
	bool waits; /* for it to be free; a private one takes another one instead */
};
struct run_mounts {
	struct strlist words; /* for ns-exec */
	struct strlist env; /* NAME=VALUE, for RUN alone */
	struct strlist places; /* mounted, to be unmounted */
	struct tree *trees; /* of stages and images, to be closed */
	size_t n_trees;
	struct held_cache *locks;
	size_t n_locks;
};
/* Appends what the record depends on. */
int mounts_key(struct task *p, struct buf *key);
int mounts_make(struct task *p, struct tree *t, struct run_mounts *m);
void mounts_end(struct run_mounts *m);

/* Appends SOURCE_DATE_EPOCH, if it is set: files of a layer are not younger (stage.c). */
void build_epoch_key(const struct build *b, struct buf *key);
/* The state of another stage, or of an image (stage.c). */
int state_of(struct build *b, const char *from, struct state *st);

/* ---- what people see (report.c) ---- */

extern int report_to; /* descriptor: standard error, or for json standard output */
extern bool report_beside; /* we are a stage that runs beside others */
int report_start(void);
/* A line: control characters in it are made visible. */
void report_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* A step begins, and ends. */
void report_step(unsigned n, unsigned of, const char *text);
void report_cached(void);
void report_id(const char *id);
/* Where a program's output goes: one end of a pipe, for what is behind our own descriptors is none
 * of its business. report_relay() reads the other one to its end, and closes it. */
int report_output(int *reader);
void report_relay(int reader);
void report_failed(const char *message, int code);
void report_done(const char *id, const struct strlist *tags);
void report_warning(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif

/* SPDX-License-Identifier: MIT */
#include "mech/net_nft.h"

#include "base/err.h"
#include "door/step.h"
#include "door/tell.h"

#include <errno.h>
#include <nftables/libnftables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* libnftables tells a failure only in words: "…: Error: Could not process rule: File exists". */
static int
errno_in(const char *words)
{
	static const int known[] = {
		EEXIST, ENOENT, EPERM, EOPNOTSUPP, EBUSY, ENOBUFS, ENOMEM, EAFNOSUPPORT};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (strstr(words, strerror(known[i])))
			return known[i];
	return EINVAL;
}

static long
run(struct nft_ctx *ctx, const char *script, struct buf *out)
{
	nft_ctx_buffer_output(ctx);
	nft_ctx_buffer_error(ctx);
	int r = nft_run_cmd_from_buffer(ctx, script);
	if (out && r == 0)
		buf_adds(out, nft_ctx_get_output_buffer(ctx));
	if (r == 0)
		return 0;
	errno = errno_in(nft_ctx_get_error_buffer(ctx));
	return -1;
}

static struct nft_ctx *
context(void)
{
	struct nft_ctx *ctx = nft_ctx_new(NFT_CTX_DEFAULT);
	if (!ctx)
		abort();
	return ctx;
}

int
nft_change(const char *why, const char *object, const char *script)
{
	struct step st;
	if (step_open(&st, "nft", why)) {
		struct nft_ctx *ctx = context();
		step_result(&st, run(ctx, script, NULL));
		nft_ctx_free(ctx);
	}
	if (step_told(&st)) {
		step_call(&st, "nft_run_cmd_from_buffer(%zu bytes)", strlen(script));
		step_shell(&st, "nft -f - <<'RULES'\n%sRULES", script);
	}
	if (step_close(&st) < 0)
		return err_sys("nft", object, "cannot change the packet rules of %s", object);
	return 0;
}

int
nft_ask(const char *command, struct buf *out)
{
	struct nft_ctx *ctx = context();
	long r = run(ctx, command, out);
	nft_ctx_free(ctx);
	return r < 0 ? err_sys("nft", command, "cannot list packet rules") : 0;
}

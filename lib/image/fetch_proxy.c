/* SPDX-License-Identifier: MIT */
#include "image/fetch_proxy.h"

#include "base/buf.h"

#include <stdbool.h>
#include <stdlib.h>

char *
fetch_proxy_none(void)
{
	const char *set = getenv("no_proxy") ? getenv("no_proxy") : getenv("NO_PROXY");
	const char *http = getenv("HTTP_PROXY");
	/* libcurl knows this one by its small letters alone, since a web server passes a client's
	 * header "Proxy:" to a CGI program under the other name. */
	if (http && !getenv("REQUEST_METHOD"))
		setenv("http_proxy", http, false);
	return fmt_new("%s%slocalhost,127.0.0.0/8,::1", set ? set : "", set ? "," : "");
}

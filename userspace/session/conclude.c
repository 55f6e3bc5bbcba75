// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <errno.h>
#include <stdlib.h>

#include "base/signals.h"
#include "session/conclude.h"
#include "session/options.h"

int conclude(struct source *source, struct out *out, int error, bool lossy)
{
	out_flush(out);
	/* A user who stops it by hand does not want to wait. */
	if (!error && !out->error && !signals_stop())
		error = source_verify(source);
	if (error == -ENOMEM && !source->error[0])
		warnx("out of memory");
	else if (error < 0)
		warnx("%s", source->error);
	if (!out_close(out))
		return EXIT_FAILURE;
	if (error < 0)
		return exit_status_of(error);
	return lossy ? EXIT_LOST : EXIT_SUCCESS;
}

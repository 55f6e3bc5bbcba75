// SPDX-License-Identifier: GPL-2.0-only
#include <err.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/safe_text.h"
#include "base/svg.h"

#define HEAD	9.0	/* of an arrow head */

/* ---- the file ---- */

bool svg_to_output(const char *name)
{
	return name && !strcmp(name, "-");
}

FILE *svg_open(const char *name)
{
	FILE *file = svg_to_output(name) ? stdout : fopen(name, "we");

	if (!file)
		warn("--svg=%s", safe_string(name));
	return file;
}

int svg_close(FILE *file, const char *name, int error)
{
	errno = 0;
	if (!error && (fflush(file) || ferror(file)))
		error = errno ? -errno : -EIO;
	/* Write errors of this are reported when the program ends. */
	if (file == stdout)
		return error;
	if (fclose(file) && !error)
		error = -errno;
	if (error && error != -EPIPE) {
		errno = -error;
		warn("--svg=%s", safe_string(name));
	}
	return error;
}

/* ---- shapes ---- */

/* The text is well-formed UTF-8 (safe_text.h), so only markup has to be escaped. */
static void put_escaped(FILE *file, const char *text)
{
	for (; *text; text++)
		switch (*text) {
		case '&':
			fputs("&amp;", file);
			break;
		case '<':
			fputs("&lt;", file);
			break;
		case '>':
			fputs("&gt;", file);
			break;
		default:
			putc(*text, file);
		}
}

/* A class stands for a colour, used as currentColor. The second set is for dark pages. */
static const char style[] =
	"svg{color:#1f2328;font-family:'DejaVu Sans',Verdana,system-ui,sans-serif;font-size:13px}"
	"text,.fill{fill:currentColor}line,path,rect{stroke:currentColor;fill:none}"
	"text{stroke:none}.fill,.bar{stroke:none}.bar{fill:currentColor}"
	".page{fill:#fff;stroke:none}.box{fill:#f6f8fa}.back{fill:#fff;stroke:none}"
	".dim{color:#667080}.faint{color:#c3cad3}.bold{font-weight:bold}.small{font-size:11px}"
	".big{font-size:17px}.mono{font-family:'DejaVu Sans Mono',monospace}"
	".halo{stroke:#fff;stroke-width:4px;paint-order:stroke;stroke-linejoin:round}"
	".thick{stroke-width:2}.dashed{stroke-dasharray:4 5}"
	".yellow{color:#a86500}.green{color:#18794e}.blue{color:#1f5fc4}.magenta{color:#8537b0}"
	".cyan{color:#0b7285}.red{color:#c92a2a}"
	"@media(prefers-color-scheme:dark){"
	"svg{color:#e6e9ee}.page,.back{fill:#15181d}.halo{stroke:#15181d}.box{fill:#20252c}"
	".dim{color:#98a2b0}.faint{color:#454d58}"
	".yellow{color:#f5b041}.green{color:#4cc38a}.blue{color:#74a9ff}.magenta{color:#cf9bf0}"
	".cyan{color:#4fd1dc}.red{color:#ff7b72}}";

void svg_begin(FILE *file, double width, double height, const char *title)
{
	fprintf(file, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" width=\"%g\" height=\"%g\" "
		"viewBox=\"0 0 %g %g\">\n<title>", width, height, width, height);
	put_escaped(file, title);
	fprintf(file, "</title>\n<style>%s</style>\n", style);
	svg_rect(file, "page", 0, 0, width, height, 0);
}

void svg_end(FILE *file)
{
	fputs("</svg>\n", file);
}

void svg_line(FILE *file, const char *class, double x1, double y1, double x2, double y2)
{
	fprintf(file, "<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", class, x1, y1, x2, y2);
}

void svg_arrow(FILE *file, const char *class, double x1, double y1, double x2, double y2)
{
	double length = hypot(x2 - x1, y2 - y1), x = (x2 - x1) / length, y = (y2 - y1) / length;

	svg_line(file, class, x1, y1, x2 - x * HEAD / 2, y2 - y * HEAD / 2);
	fprintf(file, "<path class=\"fill %s\" d=\"M%.1f %.1fL%.1f %.1fL%.1f %.1fz\"/>\n", class, x2, y2,
		x2 - x * HEAD - y * HEAD / 2.4, y2 - y * HEAD + x * HEAD / 2.4,
		x2 - x * HEAD + y * HEAD / 2.4, y2 - y * HEAD - x * HEAD / 2.4);
}

void svg_rect(FILE *file, const char *class, double x, double y, double width, double height, double radius)
{
	fprintf(file, "<rect class=\"%s\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"%g\"/>\n",
		class, x, y, width, height, radius);
}

void svg_text(FILE *file, const char *class, const char *anchor, double x, double y, double turned, const char *text)
{
	if (!*text)
		return;
	fprintf(file, "<text class=\"%s\" text-anchor=\"%s\" x=\"%.1f\" y=\"%.1f\"", class, anchor, x, y);
	if (turned)
		fprintf(file, " transform=\"rotate(%.2f %.1f %.1f)\"", turned, x, y);
	putc('>', file);
	put_escaped(file, text);
	fputs("</text>\n", file);
}

const char *svg_class(enum canvas_colour colour)
{
	static const char *const classes[] = {
		[CANVAS_PLAIN] = "dim",		[CANVAS_DIM] = "dim",		[CANVAS_BOLD] = "bold",
		[CANVAS_GREEN] = "green",	[CANVAS_YELLOW] = "yellow",	[CANVAS_BLUE] = "blue",
		[CANVAS_MAGENTA] = "magenta",	[CANVAS_RED] = "red",		[CANVAS_CYAN] = "cyan",
	};

	return classes[colour];
}

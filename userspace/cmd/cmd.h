/* SPDX-License-Identifier: GPL-2.0-only */
/* A command: one file in cmd/, one line in the table of main.c. */
#ifndef TCPTRACE_CMD_H
#define TCPTRACE_CMD_H

struct command {
	const char *name;
	const char *summary;	/* one line of at most 66 characters */
	/* argv[0] is "tcptrace-ctl NAME". Returns the exit status. */
	int (*run)(int argc, char *argv[]);
};

extern const struct command cmd_watch;
extern const struct command cmd_listen;
extern const struct command cmd_life;
extern const struct command cmd_ports;
extern const struct command cmd_top;
extern const struct command cmd_ladder;
extern const struct command cmd_window;
extern const struct command cmd_states;
extern const struct command cmd_ss;
extern const struct command cmd_netstat;
extern const struct command cmd_record;
extern const struct command cmd_export;
extern const struct command cmd_load;
extern const struct command cmd_unload;
extern const struct command cmd_status;
extern const struct command cmd_doctor;

#endif

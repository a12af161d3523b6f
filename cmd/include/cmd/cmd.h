/* SPDX-License-Identifier: MIT */
#ifndef CMD_CMD_H
#define CMD_CMD_H

/*
 * The command line: parsing and printing only.
 *
 * Threads  the main thread.
 * Errors   an exit code; messages go to stderr, help that was asked for to stdout.
 */

/* Run the command in argv (UTF-8, argv[0] is our own name); returns the exit code. */
int cmd_main(int argc, char **argv);

/* The commands, each given what follows its name. */
int cmd_run(int argc, char **argv);
int cmd_import(int argc, char **argv);
int cmd_load(int argc, char **argv);
int cmd_images(int argc, char **argv);
int cmd_inspect(int argc, char **argv);
int cmd_history(int argc, char **argv);
int cmd_tag(int argc, char **argv);
int cmd_rmi(int argc, char **argv);
int cmd_ps(int argc, char **argv);
int cmd_rm(int argc, char **argv);
int cmd_diff(int argc, char **argv);
int cmd_commit(int argc, char **argv);
int cmd_prune(int argc, char **argv);
int cmd_du(int argc, char **argv);
int cmd_cp(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_save(int argc, char **argv);
int cmd_verify(int argc, char **argv);
int cmd_doctor(int argc, char **argv);

#endif

/* SPDX-License-Identifier: MIT */
/*
 * control KEYS EXE ARG...: run a program on a console of its own and press keys.
 *
 * Once the program has written something, each letter of KEYS is sent with a pause in between:
 * c for Ctrl-C, b for Ctrl-Break.  What the program writes comes out here, and its exit code
 * is ours; 77 if the keys cannot be pressed here (Wine 8 has no Ctrl-Break).
 *
 * Source  AllocConsole, GenerateConsoleCtrlEvent.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <windows.h>

#define PAUSE_MS 300
#define LIMIT_MS 20000
#define COMMAND_SIZE 32768
#define NO_EVENTS 77

static BOOL WINAPI on_control(DWORD type)
{
    (void)type;
    return TRUE; /* meant for the program */
}

static PROCESS_INFORMATION g_program;

static void fail(const char *what)
{
    fprintf(stderr, "control: %s: error %lu\n", what, GetLastError());
    if (g_program.hProcess)
        TerminateProcess(g_program.hProcess, NO_EVENTS);
    exit(NO_EVENTS);
}

/* The command line behind our own name and KEYS: words without blanks or quotes need no more. */
static void join(char command[COMMAND_SIZE], char **words)
{
    command[0] = 0;
    for (; *words; words++) {
        if (strlen(command) + strlen(*words) + 2 > COMMAND_SIZE)
            fail("the command is too long");
        strcat(command, *words);
        strcat(command, " ");
    }
}

static DWORD WINAPI press(void *keys)
{
    for (const char *key = keys; *key; key++) {
        Sleep(PAUSE_MS);
        if (!GenerateConsoleCtrlEvent(*key == 'b' ? CTRL_BREAK_EVENT : CTRL_C_EVENT, 0))
            fail("GenerateConsoleCtrlEvent");
    }
    return 0;
}

int main(int argc, char **argv)
{
    static char command[COMMAND_SIZE], bytes[4096];
    SECURITY_ATTRIBUTES inherit = {.nLength = sizeof inherit, .bInheritHandle = TRUE};
    HANDLE ours, theirs;
    DWORD count, code;
    int begun = 0;
    if (argc < 3)
        return 2;
    FreeConsole();
    if (!AllocConsole())
        fail("AllocConsole");
    SetConsoleCtrlHandler(on_control, TRUE);
    if (!CreatePipe(&ours, &theirs, &inherit, 0))
        fail("CreatePipe");
    SetHandleInformation(ours, HANDLE_FLAG_INHERIT, 0);
    STARTUPINFOA startup = {.cb = sizeof startup,
                            .dwFlags = STARTF_USESTDHANDLES,
                            .hStdInput = GetStdHandle(STD_INPUT_HANDLE),
                            .hStdOutput = theirs,
                            .hStdError = GetStdHandle(STD_ERROR_HANDLE)};
    join(command, argv + 2);
    if (!CreateProcessA(NULL, command, NULL, NULL, TRUE, 0, NULL, NULL, &startup, &g_program))
        fail("CreateProcess");
    CloseHandle(theirs);
    while (ReadFile(ours, bytes, sizeof bytes, &count, NULL) && count) {
        fwrite(bytes, 1, count, stdout);
        fflush(stdout);
        if (!begun)
            begun = CreateThread(NULL, 0, press, argv[1], 0, NULL) != NULL;
    }
    if (WaitForSingleObject(g_program.hProcess, LIMIT_MS) != WAIT_OBJECT_0)
        fail("the program does not end");
    GetExitCodeProcess(g_program.hProcess, &code);
    return (int)code;
}

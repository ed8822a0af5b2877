/* Runs a command and writes its seconds and its peak memory in KB to a file. */
/* A small parent, because a child's peak begins with what its parent had: that of Python is more than all of tc's. */
/* usage: timed FILE COMMAND ... */
#include <stdio.h>
#include <time.h>
#include <unistd.h>
#include <sys/resource.h>
#include <sys/wait.h>

int main(int argc, char **argv)
{
	struct timespec before, after;
	struct rusage usage;
	FILE *file;
	int status;
	pid_t child;

	if (argc < 3)
		return 255;
	clock_gettime(CLOCK_MONOTONIC, &before);
	child = fork();
	if (child < 0)
		return 126;
	if (child == 0) {
		execvp(argv[2], argv + 2);
		_exit(127);
	}
	if (wait4(child, &status, 0, &usage) < 0)
		return 126;
	clock_gettime(CLOCK_MONOTONIC, &after);
	file = fopen(argv[1], "w");
	if (!file)
		return 126;
	fprintf(file, "%.6f %ld\n", after.tv_sec - before.tv_sec + (after.tv_nsec - before.tv_nsec) / 1e9, usage.ru_maxrss);
	fclose(file);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

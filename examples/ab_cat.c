/*
 * ab_cat REPOSITORY SNAPSHOT PATH: writes a file of a snapshot to standard output, and lists a
 * directory.  The password is $RESTIC_PASSWORD.
 *
 *	cc -o ab_cat ab_cat.c $(pkg-config --cflags --libs a_backup)
 */
#include <a_backup/a_backup.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static ssize_t password(void *arg, char *buf, size_t room)
{
	const char *word = getenv("RESTIC_PASSWORD");
	size_t n = word ? strlen(word) : 0;

	(void)arg;
	if (!word || n > room)
		return -1;
	memcpy(buf, word, n);
	return (ssize_t)n;
}

static int print_child(void *arg, const ab_node *child)
{
	struct ab_stat st;

	(void)arg;
	ab_stat(child, &st);
	printf("%06o %12llu %s\n", st.mode, (unsigned long long)st.size, ab_name(child));
	return 0;
}

static int print_file(ab_repo *repo, const ab_node *file, struct ab_error *err)
{
	static char buf[1 << 20];
	uint64_t at = 0;
	ssize_t n;

	while ((n = ab_pread(repo, file, buf, sizeof(buf), at, err)) > 0) {
		if (fwrite(buf, 1, (size_t)n, stdout) != (size_t)n) {
			err->code = AB_EIO;
			snprintf(err->message, sizeof(err->message), "standard output is full");
			return err->code;
		}
		at += (uint64_t)n;
	}
	return (int)n;
}

static int print(ab_repo *repo, const char *snapshot, const char *path, struct ab_error *err)
{
	ab_node *node;
	struct ab_stat st;
	int rc = ab_lookup(repo, snapshot, path, &node, err);

	if (rc)
		return rc;
	ab_stat(node, &st);
	if (S_ISDIR(st.mode))
		rc = ab_readdir(repo, node, print_child, NULL, err);
	else
		rc = print_file(repo, node, err);
	ab_node_free(node);
	return rc;
}

int main(int argc, char **argv)
{
	struct ab_options options = {.size = sizeof(options), .password = password};
	struct ab_error err;
	ab_repo *repo;
	int rc;

	if (argc != 4) {
		fprintf(stderr, "usage: ab_cat REPOSITORY SNAPSHOT PATH\n");
		return 2;
	}
	rc = ab_open(argv[1], &options, &repo, &err);
	if (!rc) {
		rc = print(repo, argv[2], argv[3], &err);
		ab_close(repo);
	}
	if (rc)
		fprintf(stderr, "ab_cat: %s\n", err.message);
	return rc ? -rc : 0;
}

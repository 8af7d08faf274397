#include "engine/filejob_file.h"
#include "base/mem.h"
#include "base/path.h"
#include "engine/gone.h"

bool filejob_late(const struct filejob *j)
{
	return run_flags_late(j->flags);
}

bool filejob_dropped(const struct filejob *j)
{
	return run_flags_end(j->flags) == RUN_CANCELLED;
}

static const char *node_name(const struct item_file *f)
{
	return f->as ? f->as : f->name;
}

/* A file that was read because it could have changed: it has not. */
static bool is_unchanged(const struct item_file *it, const struct filejob_file *f,
	const struct id *content, size_t n)
{
	struct id now;

	if (!it->again || !it->meta_same || f->size != it->seen.size ||
		ts_cmp(&f->meta.mtime, &it->seen.mtime) != 0 ||
		ts_cmp(&f->meta.ctime, &it->seen.ctime) != 0)
		return false;
	nodemake_content(content, n, &now);
	return id_equal(&now, &it->content);
}

void filejob_node(struct filejob *j, size_t i, const struct id *content, size_t n)
{
	struct filejob_file *f = &j->file[i];
	struct node node;

	nodemake_fill(j->make, &node, node_name(&j->item->file[i]), &f->meta);
	node.size = f->size;
	if (j->item->apart || f->apart)
		nodemake_apart(&node);
	node.content = content;
	node.n_content = n;
	node.has_content = true;
	f->unchanged = is_unchanged(&j->item->file[i], f, content, n);
	f->linked = nodemake_link(j->make, &node, &f->xattr, &f->link);
	buf_init(&f->json, (size_t)1 << 32);
	nodemake_write(j->make, &node, &f->xattr, &f->json);
}

void filejob_say(struct filejob *j, const char *name, const struct err *e)
{
	walk_say(&j->note, &j->n_note, j->item->path, name, NULL, 0, e->msg);
}

/* Not found: gone, not seen here, or hidden by a fault; true: but it is there.  dirfd < 0: its
 * directory cannot be opened. */
static bool file_missing(struct filejob *j, size_t i, int dirfd, bool last, const struct err *e)
{
	const struct item_file *f = &j->item->file[i];
	struct err why = *e;
	enum gone_verdict v;
	char *path;

	if (j->foreign) {
		j->file[i].back = true;
		return false;
	}
	path = path_join(j->item->path, f->name);
	v = gone_ask(j->make->view, dirfd, dirfd < 0 ? NULL : f->name, path, &why);
	mem_free(path);
	if (v == GONE_THERE && !last)
		return true;
	if (v == GONE_TARGET)
		err_copy(&j->fatal, &why);
	else if (v != GONE_VANISHED || f->named)
		filejob_say(j, f->name, &why);
	else
		tally_add(j->tally, files_vanished, 1);
	return false;
}

bool filejob_failed(struct filejob *j, size_t i, int dirfd, bool last, const struct err *e)
{
	struct filejob_file *f = &j->file[i];

	if (!filejob_late(j) && !f->back && !j->fatal.code) {
		if (e->code != ERR_NOTFOUND) {
			filejob_say(j, j->item->file[i].name, e);
		} else if (file_missing(j, i, dirfd, last || dirfd < 0 || f->size, e)) {
			xattr_list_release(&f->xattr);
			return true;
		}
	}
	f->failed = true;
	return false;
}

int filejob_compare(struct filejob *j, size_t i, struct err *err)
{
	const struct item_file *f = &j->item->file[i];
	enum sight_verdict v = j->foreign ? sight_compare(&f->seen, &j->file[i].meta) : SIGHT_SAME;

	if (j->item->by) {
		char *path = path_join(j->item->path, f->name);
		int rc = sight_agree(&j->item->other, j->item->by, &j->file[i].meta, path,
			&j->fatal);

		mem_free(path);
		if (rc < 0)
			return err_copy(err, &j->fatal);
	}
	j->file[i].apart = v == SIGHT_NUMBERED;
	j->file[i].differs = v == SIGHT_OTHER;
	j->file[i].back = v == SIGHT_OTHER || v == SIGHT_OLDER;
	return j->file[i].back ? err_set(err, ERR_CANCELLED, "the rank that listed it is to look")
			       : 0;
}

#include "engine/restore_select.h"

struct restore_selection restore_selected(const struct restore_options *o, const char *path,
	bool dir)
{
	struct restore_selection s = {true, dir};

	if (o->n_include) {
		s = (struct restore_selection){false, false};
		for (size_t i = 0; i < o->n_include; i++) {
			bool child = false;

			s.self = match_path(o->include[i], path, &child) || s.self;
			s.below = (dir && child) || s.below;
		}
		s.below = s.below || (dir && s.self);
	}
	for (size_t i = 0; i < o->n_exclude; i++)
		if (match_path(o->exclude[i], path, NULL))
			s = (struct restore_selection){false, false};
	return s;
}

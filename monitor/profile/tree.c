/* SPDX-License-Identifier: ISC */
/* tree.c: a tree of calls in two tables with open addressing. */
#include "tree.h"

#include <errno.h>
#include <stdlib.h>

/* Of one key to a slot: a multiplication by 2^64 / golden ratio (Knuth, vol. 3, 6.4). */
static uint32_t slot_of(uint64_t key, uint64_t more, uint32_t slots)
{
	uint64_t h = (key ^ more * 0xff51afd7ed558ccdu) * 0x9e3779b97f4a7c15u;

	return (uint32_t)(h >> 32) & (slots - 1);
}

static uint32_t *make_slots(uint32_t n)
{
	uint32_t *slots = malloc(n * sizeof *slots);

	for (uint32_t i = 0; slots != NULL && i < n; i++)
		slots[i] = TREE_NONE;
	return slots;
}

int tree_init(struct tree *t, struct husk_error *e)
{
	*t = (struct tree){
		.nodes = calloc(TREE_NODES_MAX, sizeof t->nodes[0]),
		.places = calloc(TREE_PLACES_MAX, sizeof t->places[0]),
		.node_slots = make_slots(2 * TREE_NODES_MAX),
		.place_slots = make_slots(2 * TREE_PLACES_MAX),
		.n_nodes = 1, .n_places = 1,
	};
	if (t->nodes != NULL && t->places != NULL && t->node_slots != NULL &&
	    t->place_slots != NULL)
		return 0;
	tree_free(t);
	return husk_fail_sys(e, ENOMEM, "module profile");
}

void tree_free(struct tree *t)
{
	free(t->nodes);
	free(t->places);
	free(t->node_slots);
	free(t->place_slots);
	*t = (struct tree){0};
}

static uint32_t find_place(struct tree *t, const struct place *at)
{
	const uint32_t slots = 2 * TREE_PLACES_MAX;
	uint32_t slot = slot_of(at->value, at->kind, slots), i;

	while ((i = t->place_slots[slot]) != TREE_NONE) {
		if (t->places[i].is.value == at->value && t->places[i].is.kind == at->kind)
			return i;
		slot = (slot + 1) & (slots - 1);
	}
	if (t->n_places == TREE_PLACES_MAX)
		return TREE_NONE;
	i = t->place_slots[slot] = t->n_places++;
	t->places[i].is = *at;
	return i;
}

uint32_t tree_child(struct tree *t, uint32_t node, const struct place *at)
{
	const uint32_t slots = 2 * TREE_NODES_MAX;
	const uint32_t place = node == TREE_NONE ? TREE_NONE : find_place(t, at);
	uint32_t slot = slot_of(node, place, slots), i;

	if (place == TREE_NONE)
		return TREE_NONE;
	while ((i = t->node_slots[slot]) != TREE_NONE) {
		if (t->nodes[i].parent == node && t->nodes[i].place == place)
			return i;
		slot = (slot + 1) & (slots - 1);
	}
	if (t->n_nodes == TREE_NODES_MAX)
		return TREE_NONE;
	i = t->node_slots[slot] = t->n_nodes++;
	t->nodes[i].parent = node;
	t->nodes[i].place = place;
	return i;
}

void tree_count(struct tree *t, uint32_t node, uint64_t samples)
{
	t->samples += samples;
	if (node == TREE_NONE) {
		t->lost += samples;
		return;
	}
	t->nodes[node].self += samples;
	t->places[t->nodes[node].place].self += samples;
}

void tree_sum(struct tree *t)
{
	for (uint32_t i = 0; i < t->n_nodes; i++)
		t->nodes[i].total = t->nodes[i].self;
	for (uint32_t i = t->n_nodes; i-- > 1;)
		t->nodes[t->nodes[i].parent].total += t->nodes[i].total;
}

void tree_link(struct tree *t, uint64_t min,
	       bool (*before)(void *ctx, uint32_t place, uint32_t than), void *ctx)
{
	for (uint32_t i = 0; i < t->n_nodes; i++)
		t->nodes[i].first = t->nodes[i].next = TREE_NONE;
	for (uint32_t i = 1; i < t->n_nodes; i++) {
		struct tree_node *n = &t->nodes[i];
		uint32_t *at = &t->nodes[n->parent].first;

		if (n->total < min)
			continue;
		while (*at != TREE_NONE && before(ctx, t->nodes[*at].place, n->place))
			at = &t->nodes[*at].next;
		n->next = *at;
		*at = i;
	}
}

/*
 * The data of the flame graph page: names, functions, and two trees of one shape: the tree of
 * callers and callees as recorded, and the tree of reversed stacks, whose nodes are made when they
 * are first looked at. The page puts this file and flame.js into one function.
 * SPDX-License-Identifier: BSD-2-Clause
 */
const data = JSON.parse(document.getElementById('data').textContent);
const PROCESS = data.kinds.length - 1;
const { name: names, module: symbolModule, kind: symbolKind } = data.symbols;

/* ---- Names: shown as text, with what would reorder or hide text made visible ---- */
const SPOOF = /[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]/g;
const shown = names.map(n => n.replace(SPOOF, c => '\\u{' + c.codePointAt(0).toString(16) + '}'));
const moduleNames = data.modules.map(m => m.replace(SPOOF, c => '\\u{' + c.codePointAt(0).toString(16) + '}'));
shown[0] = 'all';
const moduleOf = s => moduleNames[symbolModule[s]];
const baseOf = path => path.slice(path.lastIndexOf('/') + 1) || path;

/* ---- Functions: symbols of one name and module are one function, inlined or not ---- */
const functions = []; /* first symbol of each */
const functionOf = new Uint32Array(names.length);
{
	const seen = new Map();
	names.forEach((n, s) => {
		const k = symbolModule[s] + (symbolKind[s] === PROCESS || !s ? 'p' : 'f') + n;
		if (!seen.has(k))
			seen.set(k, functions.push(s) - 1);
		functionOf[s] = seen.get(k);
	});
}

/* Samples that carry no values (or only counts from another tool) are weighed by their number. */
const countsOnly = data.counts_only || !data.nodes.value.some(v => v > 0);
if (countsOnly)
	data.nodes.value = data.nodes.count;

/* ---- The tree of callers and callees ---- */
function contextTree() {
	const parent = Uint32Array.from(data.nodes.parent), symbol = Uint32Array.from(data.nodes.symbol);
	const self = Float64Array.from(data.nodes.value), selfCount = Float64Array.from(data.nodes.count);
	const total = self.slice(), count = selfCount.slice(), n = parent.length;
	const start = new Uint32Array(n + 1), child = new Uint32Array(n), depth = new Uint32Array(n);
	for (let i = n - 1; i > 0; i--) {
		total[parent[i]] += total[i];
		count[parent[i]] += count[i];
		start[parent[i] + 1]++;
	}
	for (let i = 0; i < n; i++)
		start[i + 1] += start[i];
	const fill = start.slice(0, n);
	for (let i = 1; i < n; i++) {
		child[fill[parent[i]]++] = i;
		depth[i] = depth[parent[i]] + 1;
	}
	for (let i = 0; i < n; i++)
		child.subarray(start[i], start[i + 1]).sort((a, b) => total[b] - total[a] || a - b);
	let levels = 0;
	for (let i = 0; i < n; i++)
		levels = Math.max(levels, depth[i] + 1);
	return { parent, symbol, self, selfCount, total, count, depth, size: () => n, levels: () => levels,
		children: i => child.subarray(start[i], start[i + 1]) };
}

/* ---- The tree of reversed stacks: a node's members are the context nodes that stand there ---- */
function reversedTree(t) {
	const v = { parent: [0], symbol: [0], self: [0], selfCount: [0], total: [t.total[0]], count: [t.count[0]],
		depth: [0], size: () => v.parent.length, levels: () => deepest + 1 };
	const members = [null], kids = [];
	let deepest = 0;
	const all = { at: [], value: [], count: [] };
	for (let i = 0; i < t.parent.length; i++) {
		if (t.self[i] > 0 || t.selfCount[i] > 0) {
			all.at.push(i);
			all.value.push(t.self[i]);
			all.count.push(t.selfCount[i]);
		}
	}
	const split = (node, m, step) => {
		const bySymbol = new Map();
		m.at.forEach((at, i) => {
			const to = step ? t.parent[at] : at;
			if (!to) { /* the stack begins here */
				v.self[node] += m.value[i];
				v.selfCount[node] += m.count[i];
				return;
			}
			let id = bySymbol.get(t.symbol[to]);
			if (id === undefined) {
				id = v.parent.push(node) - 1;
				v.symbol.push(t.symbol[to]);
				v.depth.push(v.depth[node] + 1);
				for (const a of [v.self, v.selfCount, v.total, v.count])
					a.push(0);
				members.push({ at: [], value: [], count: [] });
				bySymbol.set(t.symbol[to], id);
			}
			members[id].at.push(to);
			members[id].value.push(m.value[i]);
			members[id].count.push(m.count[i]);
			v.total[id] += m.value[i];
			v.count[id] += m.count[i];
		});
		deepest = Math.max(deepest, v.depth[node] + (bySymbol.size ? 1 : 0));
		return [...bySymbol.values()].sort((a, b) => v.total[b] - v.total[a] || a - b);
	};
	v.children = node => {
		if (!kids[node]) {
			kids[node] = node ? split(node, members[node], true) : split(0, all, false);
			members[node] = null;
		}
		return kids[node];
	};
	return v;
}

const context = contextTree();
let reversed = null;
const grand = context.total[0], grandCount = context.count[0];

/* ---- Self and total of each function; a recursive function counts once per stack ---- */
const functionSelf = new Float64Array(functions.length), functionTotal = new Float64Array(functions.length);
{
	const open = new Uint32Array(functions.length), stack = [0];
	while (stack.length) {
		const e = stack.pop();
		const i = e < 0 ? -e - 1 : e, f = functionOf[context.symbol[i]];
		if (e < 0) {
			open[f]--;
			continue;
		}
		functionSelf[f] += context.self[i];
		if (!open[f]++)
			functionTotal[f] += context.total[i];
		stack.push(-i - 1);
		for (const c of context.children(i))
			if (c)
				stack.push(c);
	}
}

/* ---- Figures ---- */
const whole = new Intl.NumberFormat('en');
const percent = (part, of) => {
	const p = of ? 100 * part / of : 0;
	return p.toFixed(p && p < 0.1 ? 2 : 1) + ' %';
};
function amount(v) {
	const scale = (steps, least) => {
		for (const [unit, size] of steps)
			if (v >= size)
				return (v / size).toPrecision(3) + ' ' + unit;
		return v + ' ' + least;
	};
	if (data.unit === 'nanoseconds') {
		if (v >= 1e11)
			return whole.format(Math.round(v / 1e9)) + ' s';
		return scale([['s', 1e9], ['ms', 1e6], ['us', 1e3]], 'ns');
	}
	if (data.unit === 'bytes')
		return scale([['GiB', 2 ** 30], ['MiB', 2 ** 20], ['KiB', 2 ** 10]], 'B');
	return whole.format(v) + ' ' + data.unit;
}
const samples = n => whole.format(n) + (n === 1 ? ' sample' : ' samples');
const cost = (v, n) => (countsOnly ? '' : amount(v) + ' · ') + samples(n);

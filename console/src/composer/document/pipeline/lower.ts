/**
 * A pipeline as it was meant, written border by border as upstream's compiler does (kfp/compiler/compiler_utils.py): what
 * comes from outside a group goes through an input of it, what a loop or a choice gives goes through an output of it.
 */

import { obj } from "../../ports/read";
import * as conditions from "./conditions";
import { CHANNEL, type Definition, type Obj, SIDES, holder } from "./ir";
import { type Channel, type Group, type Loop, type Node, type Program, type Task, chain, everything, find, isLeaf, read } from "./program";

/** What an edit must not do, or a document does not say. */
export class Impossible extends Error {}

/** The program of a document. What a task waits for because of its data is taken as said by these. */
export function programOf(document: Obj, scope: string): Program {
  const program = read(document, scope);
  const { waits } = new Routing(program);
  for (const node of everything(program.body)) for (const name of waits.get(node) ?? []) node.after.delete(name);
  return program;
}

/** For who only looks: undefined where the document says what cannot be. */
export function readable(document: Obj, scope: string): Program | undefined {
  try {
    return programOf(document, scope);
  } catch (problem) {
    if (problem instanceof Impossible) return undefined;
    throw problem;
  }
}

interface Hole {
  definition: Definition;
  /** What the group's task says of it; null for the item of its own loop. */
  given: Obj | null;
}

interface Handed {
  definition: Definition;
  from: { task: string; name: string }[];
}

/** Everything that crosses a border, found once for a whole program. */
export class Routing {
  readonly holes = new Map<Group, Map<string, Hole>>();
  readonly handed = new Map<Group, Map<string, Handed>>();
  readonly waits = new Map<Node, Set<string>>();
  readonly given = new Map<Task, Map<string, { side: Definition["side"]; raw: Obj }>>();
  readonly leaving = new Map<string, { task: string; name: string } | string>();

  constructor(readonly program: Program) {
    const all = [...everything(program.body)];
    for (const node of all) if (isLeaf(node)) this.task(node);
    for (const node of all) if (!isLeaf(node)) this.group(node);
    for (const [name, { from }] of program.outputs) if (from) this.out(name, from);
  }

  private task(task: Task): void {
    const given = new Map<string, { side: Definition["side"]; raw: Obj }>();
    this.given.set(task, given);
    for (const [name, { side, value }] of task.inputs) {
      const raw = value.kind === "raw" ? value.raw : { ...this.route(task, value.channel), ...(value.selector === undefined ? {} : { parameterExpressionSelector: value.selector }) };
      given.set(name, { side, raw });
    }
    for (const each of chain(task)) if (!isLeaf(each) && each.when) for (const channel of conditions.channels(each.when)) this.route(task, channel);
  }

  private group(group: Group): void {
    if (group.loop && "channel" in group.loop.over) {
      const { channel } = group.loop.over;
      this.hole(group, this.name(group, channel), { definition: this.definition(channel, group), given: this.route(group, channel) });
    }
    if (group.loop) this.hole(group, this.item(group), { definition: this.itemDefinition(group), given: null });
    for (const channel of group.when ? conditions.channels(group.when) : [])
      this.hole(group, this.name(group, channel), { definition: this.definition(channel, group), given: this.route(group, channel) });
    for (const choice of group.choices)
      this.hand(group, choice.name, {
        definition: this.definition(choice.parts[0] ?? { kind: "input", name: "" }, group),
        from: choice.parts.map((part) => this.surfaced(part, group, "chosen")),
      });
  }

  private out(name: string, from: Channel): void {
    if (from.kind === "input") this.leaving.set(name, from.name);
    else if (from.kind === "output") this.leaving.set(name, this.surfaced(from, this.program.body, "returned"));
  }

  // ---- names -------------------------------------------------------------------------------------

  /** As an input of a group on the way to `consumer`. */
  name(consumer: Node, channel: Channel): string {
    if (channel.kind === "input") return CHANNEL + channel.name;
    if (channel.kind === "item") return this.item(this.loop(channel.loop));
    if (channel.kind === "field") return `${this.item(this.loop(channel.loop))}-subvar-${channel.name}`;
    const { up } = this.apart(channel, consumer);
    const first = up[0];
    return `${CHANNEL}${first && up.length > 1 ? `${first.key}-${surface(channel)}` : `${channel.task}-${channel.name}`}`;
  }

  item(group: Group): string {
    const { over, code } = group.loop as Loop;
    return "channel" in over ? `${this.name(group, over.channel)}-loop-item` : `${CHANNEL}loop-item-param-${code}`;
  }

  loop(key: string): Group {
    const found = find(this.program, key);
    if (!found || isLeaf(found) || !found.loop) throw new Impossible(`There is no loop ${key}`);
    return found;
  }

  producer(channel: Channel & { kind: "output" }): Node {
    const found = find(this.program, channel.task);
    if (!found) throw new Impossible(`There is no task ${channel.task}`);
    return found;
  }

  /** The groups on either side of a connection that the other side is not in, each ending with the node itself. */
  private apart(channel: Channel & { kind: "output" }, consumer: Node): { up: Node[]; down: Node[] } {
    const producer = this.producer(channel);
    const [a, b] = [chain(producer), chain(consumer)];
    const common = a.findIndex((each, i) => each !== b[i]);
    if (common < 0) throw new Impossible(`${producer.key} cannot be given what it makes itself`);
    return { up: a.slice(common), down: b.slice(common) };
  }

  // ---- types -------------------------------------------------------------------------------------

  /** What a value is where `consumer` gets it: of a loop that it is not in, a list. */
  definition(channel: Channel, consumer: Node): Definition {
    if (channel.kind === "input") return bare(this.program.inputs.get(channel.name));
    if (channel.kind === "item") return this.itemDefinition(this.loop(channel.loop));
    if (channel.kind === "field") return this.fieldDefinition(this.loop(channel.loop), channel.name, this.name(consumer, channel));
    const collected = this.apart(channel, consumer).up.slice(0, -1).some((each) => !isLeaf(each) && each.kind === "loop");
    return collected ? listed(this.made(channel)) : this.made(channel);
  }

  /** What a value is where it is made. */
  made(channel: Channel & { kind: "output" }): Definition {
    const producer = this.producer(channel);
    return bare(isLeaf(producer) ? producer.outputs.get(channel.name) : this.choice(producer, channel.name));
  }

  private choice(group: Group, name: string): Definition | undefined {
    const [part] = group.choices.find((each) => each.name === name)?.parts ?? [];
    const maker = part?.kind === "output" ? find(this.program, part.task) : undefined;
    return maker && isLeaf(maker) && part?.kind === "output" ? maker.outputs.get(part.name) : undefined;
  }

  private itemDefinition(group: Group): Definition {
    const { over, artifact } = group.loop as Loop;
    if (artifact && "channel" in over) {
      const { isArtifactList: _, ...raw } = this.definition(over.channel, group).raw;
      return { side: "artifacts", raw };
    }
    return { side: "parameters", raw: this.known(this.item(group)) ?? { parameterType: "channel" in over ? "STRING" : firstType(over.raw) } };
  }

  private fieldDefinition(group: Group, name: string, hole: string): Definition {
    const { over } = group.loop as Loop;
    const own = "channel" in over ? undefined : obj(first(over.raw))[name];
    return { side: "parameters", raw: this.known(hole) ?? { parameterType: own === undefined ? "STRING" : typed(own) } };
  }

  private known(hole: string): Obj | undefined {
    const found = this.program.known.get(hole);
    return found && bare({ side: "parameters", raw: found }).raw;
  }

  // ---- ways --------------------------------------------------------------------------------------

  /** Opens every border between a value and who gets it; what that one says of it. */
  private route(consumer: Node, channel: Channel): Obj {
    if (channel.kind === "output") return this.fromTask(consumer, channel);
    const outermost = channel.kind === "input" ? this.program.body : this.loop(channel.loop);
    const all = chain(consumer);
    const start = all.indexOf(outermost);
    if (start < 0) throw new Impossible(`${consumer.key} is not in ${outermost.key}: it has no items of it`);
    const groups = all.slice(start + 1, -1) as Group[];
    const passed: Channel = channel.kind === "field" ? { kind: "item", loop: channel.loop } : channel;
    const definition = this.definition(passed, consumer);
    const name = this.name(consumer, passed);
    const outside = channel.kind === "input" ? channel.name : name;
    for (const [i, group] of groups.entries()) this.hole(group, name, { definition, given: entered(definition, i === 0 ? outside : name) });
    const found = entered(definition, groups.length ? name : outside);
    return channel.kind === "field" ? { ...found, parameterExpressionSelector: `parseJson(string_value)["${channel.name}"]` } : found;
  }

  private fromTask(consumer: Node, channel: Channel & { kind: "output" }): Obj {
    const { up, down } = this.apart(channel, consumer);
    const [source, target] = [up[0], down[0]];
    if (!source || !target) throw new Impossible(`${consumer.key} cannot be given what is made around it`);
    const definition = this.definition(channel, consumer);
    const made = this.surfaced(channel, source.parent as Group, "given");
    const waits = this.waits.get(target) ?? new Set();
    this.waits.set(target, waits.add(source.key));
    const name = this.name(consumer, channel);
    for (const [i, group] of (down.slice(0, -1) as Group[]).entries()) this.hole(group, name, { definition, given: i === 0 ? taken(definition, made) : entered(definition, name) });
    return down.length > 1 ? entered(definition, name) : taken(definition, made);
  }

  /** By which name of which task of `group` a value is had; opens the borders on its way up. */
  private surfaced(channel: Channel, group: Group, how: "given" | "returned" | "chosen"): { task: string; name: string } {
    if (channel.kind !== "output") throw new Impossible("Only what a task makes can be handed out of a group");
    const all = chain(this.producer(channel));
    const between = all.slice(all.indexOf(group) + 1, -1) as Group[];
    this.refuse(channel, between, how);
    const own = this.made(channel);
    const collects = how === "returned" || between.some((each) => each.kind === "loop");
    let from = { task: channel.task, name: channel.name };
    for (const inner of between.reverse()) {
      this.hand(inner, surface(channel), { definition: collects ? listed(own) : own, from: [from] });
      from = { task: inner.key, name: surface(channel) };
    }
    return from;
  }

  /** What may not happen at run time gives nothing to what is outside: only a loop gives a list, and a choice one of several. */
  private refuse(channel: Channel & { kind: "output" }, between: Group[], how: "given" | "returned" | "chosen"): void {
    const shut = between.find((each, i) => each.kind === "exit" || each.kind === "branches" || (how === "given" && i === 0 && each.kind === "condition"));
    if (!shut) return;
    const why = shut.kind === "exit" ? "nothing is handed out of an exit handler" : "it may not have run; a choice between branches hands out one of them";
    throw new Impossible(`${channel.task} is in ${shut.key}: ${why}`);
  }

  private hole(group: Group, name: string, hole: Hole): void {
    const found = this.holes.get(group) ?? new Map<string, Hole>();
    this.holes.set(group, found.set(name, hole));
  }

  private hand(group: Group, name: string, handed: Handed): void {
    const found = this.handed.get(group) ?? new Map<string, Handed>();
    this.handed.set(group, found.set(name, handed));
  }
}

/** The name under which groups hand on what a task made. */
export function surface(channel: Channel & { kind: "output" }): string {
  return `${CHANNEL}${channel.task}-${channel.name}`;
}

function bare(definition: Definition | undefined): Definition {
  if (!definition) return { side: "parameters", raw: { parameterType: "STRING" } };
  const { artifactType, isArtifactList, parameterType } = definition.raw;
  return definition.side === "artifacts"
    ? { side: "artifacts", raw: { artifactType, ...(isArtifactList ? { isArtifactList } : {}) } }
    : { side: "parameters", raw: { parameterType } };
}

function listed({ side, raw }: Definition): Definition {
  return side === "artifacts" ? { side, raw: { ...raw, isArtifactList: true } } : { side, raw: { parameterType: "LIST" } };
}

function entered({ side }: Definition, name: string): Obj {
  return side === "artifacts" ? { componentInputArtifact: name } : { componentInputParameter: name };
}

function taken({ side }: Definition, { task, name }: { task: string; name: string }): Obj {
  return side === "artifacts"
    ? { taskOutputArtifact: { outputArtifactKey: name, producerTask: task } }
    : { taskOutputParameter: { outputParameterKey: name, producerTask: task } };
}

export function first(raw: string): unknown {
  try {
    const found: unknown = JSON.parse(raw);
    return Array.isArray(found) ? found[0] : undefined;
  } catch {
    return undefined;
  }
}

function firstType(raw: string): string {
  return /^\[\s*-?\d+(\.\d|e)/i.test(raw) ? "NUMBER_DOUBLE" : typed(first(raw));
}

export function typed(value: unknown): string {
  if (typeof value === "number") return Number.isInteger(value) ? "NUMBER_INTEGER" : "NUMBER_DOUBLE";
  if (typeof value === "boolean") return "BOOLEAN";
  if (Array.isArray(value)) return "LIST";
  return value !== null && typeof value === "object" ? "STRUCT" : "STRING";
}

// ---- the document --------------------------------------------------------------------------------

/** The whole document again, with everything that this program says. */
export function lowered(program: Program): Obj {
  const routing = new Routing(program);
  const document = structuredClone(program.document);
  for (const group of [program.body, ...[...everything(program.body)].filter((each): each is Group => !isLeaf(each))]) {
    const component = place(document, group.component);
    const old = obj(component.dag);
    component.dag = { ...old, tasks: Object.fromEntries([...group.children].map(([key, node]) => [key, taskOf(routing, node)])) };
    if (group === program.body) border(routing, component);
    else groupBorder(routing, group, component);
  }
  return document;
}

function place(document: Obj, component: string): Obj {
  const found = holder(document, component);
  if (component === "root") document.root = found;
  else document.components = { ...obj(document.components), [component]: found };
  return found;
}

function taskOf(routing: Routing, node: Node): Obj {
  const { inputs: _, dependentTasks: __, ...rest } = node.raw;
  const given = isLeaf(node) ? routing.given.get(node) : holesOf(routing, node);
  const waits = [...new Set([...node.after, ...(routing.waits.get(node) ?? [])])].sort();
  const made: Obj = { ...rest };
  const inputs = bySide(given ?? new Map(), ({ raw }) => raw);
  if (Object.keys(inputs).length) made.inputs = inputs;
  if (waits.length) made.dependentTasks = waits;
  if (!isLeaf(node) && node.loop) iterated(routing, node, made);
  if (!isLeaf(node) && node.when) made.triggerPolicy = { ...obj(node.raw.triggerPolicy), condition: expression(routing, node) };
  return made;
}

function holesOf(routing: Routing, group: Group): Map<string, { side: Definition["side"]; raw: Obj }> {
  const found = [...(routing.holes.get(group) ?? [])].flatMap(([name, { definition, given }]) => (given ? [[name, { side: definition.side, raw: given }] as const] : []));
  return new Map(found);
}

function iterated(routing: Routing, group: Group, made: Obj): void {
  const { over, artifact } = group.loop as Loop;
  delete made.parameterIterator;
  delete made.artifactIterator;
  const itemInput = routing.item(group);
  if ("raw" in over) made.parameterIterator = { itemInput, items: { raw: over.raw } };
  else if (artifact) made.artifactIterator = { itemInput, items: { inputArtifact: routing.name(group, over.channel) } };
  else made.parameterIterator = { itemInput, items: { inputParameter: routing.name(group, over.channel) } };
}

function expression(routing: Routing, group: Group): string {
  const when = group.when as conditions.Condition<Channel>;
  return conditions.print(conditions.replaced(when, (channel) => ({ name: routing.name(group, channel), type: String(routing.definition(channel, group).raw.parameterType ?? "STRING") })));
}

type BySide<T> = Map<string, T>;

function bySide<T extends { side: Definition["side"] }>(all: BySide<T>, raw: (one: T) => unknown): Obj {
  const sides = SIDES.map((side) => [side, Object.fromEntries([...all].filter(([, one]) => one.side === side).map(([name, one]) => [name, raw(one)]))] as const);
  return Object.fromEntries(sides.filter(([, found]) => Object.keys(found).length));
}

function set(component: Obj, key: string, value: Obj): void {
  if (Object.keys(value).length) component[key] = value;
  else delete component[key];
}

function groupBorder(routing: Routing, group: Group, component: Obj): void {
  const holes = routing.holes.get(group) ?? new Map<string, Hole>();
  const handed = routing.handed.get(group) ?? new Map<string, Handed>();
  set(component, "inputDefinitions", bySide(new Map([...holes].map(([name, { definition }]) => [name, definition])), ({ raw }) => raw));
  set(component, "outputDefinitions", bySide(new Map([...handed].map(([name, { definition }]) => [name, definition])), ({ raw }) => raw));
  const outputs = new Map([...handed].map(([name, { definition, from }]) => [name, { side: definition.side, raw: selecting(definition.side, from, group.kind === "branches") }]));
  set(obj(component.dag), "outputs", bySide(outputs, ({ raw }) => raw));
}

function selecting(side: Definition["side"], from: { task: string; name: string }[], choice: boolean): Obj {
  if (side === "artifacts") return { artifactSelectors: from.map(({ task, name }) => ({ outputArtifactKey: name, producerSubtask: task })) };
  const all = from.map(({ task, name }) => ({ outputParameterKey: name, producerSubtask: task }));
  return choice ? { valueFromOneof: { parameterSelectors: all } } : { valueFromParameter: all[0] };
}

/** Of the pipeline itself: as it declares it. */
function border(routing: Routing, component: Obj): void {
  const { inputs, outputs } = routing.program;
  set(component, "inputDefinitions", bySide(inputs, ({ raw }) => raw));
  set(component, "outputDefinitions", bySide(new Map([...outputs].map(([name, { definition }]) => [name, definition])), ({ raw }) => raw));
  const given = obj(obj(component.dag).outputs);
  const made = new Map(
    [...outputs].map(([name, { definition: { side } }]) => {
      const from = routing.leaving.get(name);
      const raw = from === undefined || typeof from === "string" ? obj(obj(given[side])[name]) : selecting(side, [from], false);
      return [name, { side, raw }] as const;
    }),
  );
  set(obj(component.dag), "outputs", bySide(made, ({ raw }) => raw));
}

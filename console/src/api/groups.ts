/** Which API groups the server has: one question, so that nobody asks for kinds that cannot be there. */

import { useQuery } from "@tanstack/react-query";
import { get } from "./kube";

interface GroupList {
  groups: { name: string; versions: { groupVersion: string }[] }[];
}

/** undefined until the server has answered; holds `group/version`. */
export function useGroups(): ReadonlySet<string> | undefined {
  const { data } = useQuery({
    queryKey: ["groups"],
    queryFn: ({ signal }) => get<GroupList>("/apis", signal),
    staleTime: 60_000,
    select: named,
  });
  return data;
}

export function named(list: GroupList): ReadonlySet<string> {
  return new Set(list.groups.flatMap((group) => group.versions.map((version) => version.groupVersion)));
}

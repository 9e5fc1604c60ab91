/** Who one is to the server, '' where it does not say. */

import { useQuery } from "@tanstack/react-query";
import { create } from "./kube";

interface Review {
  status?: { userInfo?: { username?: string } };
}

export function useMe(): string {
  const { data } = useQuery({
    queryKey: ["who am I"],
    queryFn: () => create<Review>("/apis/authentication.k8s.io/v1/selfsubjectreviews", { apiVersion: "authentication.k8s.io/v1", kind: "SelfSubjectReview" }),
    staleTime: Number.POSITIVE_INFINITY,
    retry: false,
  });
  return data?.status?.userInfo?.username ?? "";
}

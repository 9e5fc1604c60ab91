/** What a new job begins as: two processes of real PyTorch that add up their ranks. */
export const TEMPLATE = `apiVersion: kubeflow.org/v1
kind: PyTorchJob
metadata:
  generateName: sum-
spec:
  runPolicy:
    cleanPodPolicy: None
  pytorchReplicaSpecs:
    Master: &replica
      replicas: 1
      restartPolicy: OnFailure
      template:
        spec:
          containers:
          - name: pytorch
            image: pytorch/pytorch:2.13.0-cuda13.0-cudnn9-runtime
            command: [python, -c]
            args:
            - |
              import torch, torch.distributed as dist
              dist.init_process_group("gloo")
              total = torch.tensor([float(dist.get_rank())])
              dist.all_reduce(total)
              print(f"rank {dist.get_rank()} of {dist.get_world_size()}: {total.item()}")
    Worker: *replica
`;

/** What a new job begins as: small programs of the real frameworks, each as its kind wants it. */

const PYTORCH = `apiVersion: kubeflow.org/v1
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

interface Shape {
  kind: string;
  specs: string;
  roles: readonly [role: string, replicas: number][];
  container: string;
  image: string;
  program: string;
  apiVersion?: string;
}

function job({ kind, specs, roles, container, image, program, apiVersion = "kubeflow.org/v1" }: Shape): string {
  const lines = program.split("\n").map((line) => `              ${line}`).join("\n");
  const replica = (role: string, replicas: number) => `    ${role}:
      replicas: ${replicas}
      restartPolicy: OnFailure
      template:
        spec:
          containers:
          - name: ${container}
            image: ${image}
            command: [python, -c]
            args:
            - |
${lines}
`;
  return `apiVersion: ${apiVersion}
kind: ${kind}
metadata:
  generateName: ${kind.toLowerCase().replace("job", "")}-
spec:
  runPolicy:
    cleanPodPolicy: None
  ${specs}:
${roles.map(([role, replicas]) => replica(role, replicas)).join("")}`;
}

const TENSORFLOW = job({
  kind: "TFJob", specs: "tfReplicaSpecs", roles: [["Worker", 2]], container: "tensorflow", image: "tensorflow/tensorflow:2.20.0",
  program: `import tensorflow as tf
strategy = tf.distribute.MultiWorkerMirroredStrategy()
print("workers:", strategy.num_replicas_in_sync)`,
});

const XGBOOST = job({
  kind: "XGBoostJob", specs: "xgbReplicaSpecs", roles: [["Master", 1], ["Worker", 1]], container: "xgboost", image: "python:3.11",
  program: `import os
print("rank", os.environ["RANK"], "of", os.environ["WORLD_SIZE"], "at", os.environ["MASTER_ADDR"])`,
});

const MPI = `apiVersion: kubeflow.org/v2beta1
kind: MPIJob
metadata:
  generateName: mpi-
spec:
  slotsPerWorker: 1
  mpiReplicaSpecs:
    Launcher:
      template:
        spec:
          containers:
          - name: launcher
            image: mpioperator/mpi-pi:openmpi
            command: [mpirun, -n, "2", hostname]
    Worker:
      replicas: 2
      template:
        spec:
          containers:
          - name: worker
            image: mpioperator/mpi-pi:openmpi
`;

const TRAIN = `apiVersion: trainer.kubeflow.org/v1alpha1
kind: TrainJob
metadata:
  generateName: train-
spec:
  runtimeRef:
    name: torch-distributed
  trainer:
    numNodes: 2
    command: [torchrun, --no-python, python3, -c]
    args:
    - |
      import torch.distributed as dist
      dist.init_process_group("gloo")
      print(f"rank {dist.get_rank()} of {dist.get_world_size()}")
`;

const JOBSET = `apiVersion: jobset.x-k8s.io/v1alpha2
kind: JobSet
metadata:
  name: leader-and-workers
spec:
  replicatedJobs:
  - name: leader
    template: &job
      spec:
        template:
          spec:
            restartPolicy: Never
            containers:
            - name: main
              image: busybox
              command: [sh, -c, "echo here is $HOSTNAME"]
  - name: workers
    replicas: 2
    template: *job
`;

export const TEMPLATES: Record<string, string> = { PyTorchJob: PYTORCH, TrainJob: TRAIN, TFJob: TENSORFLOW, XGBoostJob: XGBOOST, MPIJob: MPI, JobSet: JOBSET };

/** What a new experiment begins as: runs as it is, and shows every part that is usually changed. */
export const TEMPLATE = `apiVersion: kubeflow.org/v1beta1
kind: Experiment
metadata:
  generateName: search-
spec:
  objective:
    type: minimize
    objectiveMetricName: loss
  algorithm:
    algorithmName: tpe
  parallelTrialCount: 2
  maxTrialCount: 10
  maxFailedTrialCount: 3
  parameters:
  - name: x
    parameterType: double
    feasibleSpace: {min: "-3", max: "3"}
  - name: y
    parameterType: double
    feasibleSpace: {min: "-3", max: "3"}
  trialTemplate:
    primaryContainerName: main
    trialParameters:
    - {name: x, reference: x}
    - {name: y, reference: y}
    trialSpec:
      apiVersion: batch/v1
      kind: Job
      spec:
        template:
          spec:
            restartPolicy: Never
            containers:
            - name: main
              image: python:3.11
              command: [python3, -c]
              args: ["x, y = \${trialParameters.x}, \${trialParameters.y}; print(f'loss={(x - 1) ** 2 + (y + 2) ** 2}')"]
`;

/** Documents to begin with. They are what somebody would write: open one and change it. */

export interface Example {
  title: string;
  about: string;
  icon: string;
  text: string;
}

const HEAD = (name: string) => `apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata:
  generateName: ${name}-
spec:
  entrypoint: main
`;

const component = (name: string) => `{name: ${name}, template: ${name}, clusterScope: true}`;

/** Flowers: split, trained on, judged by rows that were held out. */
const TRAINED = `          - name: data
            templateRef: ${component("data-iris")}
          - name: split
            depends: data
            templateRef: ${component("transform-split")}
            arguments:
              artifacts: [{name: table, from: "{{tasks.data.outputs.artifacts.table}}"}]
          - name: train
            depends: split
            templateRef: ${component("train-logistic-regression")}
            arguments:
              artifacts: [{name: train, from: "{{tasks.split.outputs.artifacts.train}}"}]
          - name: evaluate
            depends: train
            templateRef: ${component("evaluate-classification")}
            arguments:
              artifacts:
                - {name: model, from: "{{tasks.train.outputs.artifacts.model}}"}
                - {name: test, from: "{{tasks.split.outputs.artifacts.test}}"}
`;

export const EXAMPLES: readonly Example[] = [
  { title: "Empty workflow", about: "Drag components on to the canvas.", icon: "workflow", text: `${HEAD("drawing")}  templates:\n    - name: main\n      dag:\n        tasks: []\n` },
  {
    title: "Train and evaluate",
    about: "Flowers: split, train, measure on rows that were held out.",
    icon: "flower",
    text: `${HEAD("iris")}  templates:
    - name: main
      dag:
        tasks:
${TRAINED}`,
  },
  {
    title: "Train, approve, serve",
    about: "A good model is registered, waits for a yes, and answers requests.",
    icon: "sparkles",
    text: `${HEAD("serve-iris")}  templates:
    - name: main
      dag:
        tasks:
${TRAINED}          - name: register
            depends: evaluate
            when: "{{tasks.evaluate.outputs.parameters.accuracy}} > 0.8"
            templateRef: ${component("serve-register")}
            arguments:
              parameters: [{name: name, value: iris}]
              artifacts:
                - {name: model, from: "{{tasks.train.outputs.artifacts.model}}"}
                - {name: metrics, from: "{{tasks.evaluate.outputs.artifacts.metrics}}"}
          - name: approve
            depends: register.Succeeded
            templateRef: ${component("serve-approve")}
            arguments:
              parameters: [{name: metrics, value: "accuracy {{tasks.evaluate.outputs.parameters.accuracy}}"}]
          - name: deploy
            depends: approve.Succeeded
            templateRef: ${component("serve-deploy")}
            arguments:
              parameters:
                - {name: registered, value: "{{tasks.register.outputs.parameters.registered}}"}
                - {name: endpoint, value: iris}
`,
  },
  {
    title: "A loop",
    about: "The same step for each of a list, then one that waits for all.",
    icon: "combine",
    text: `${HEAD("loop")}  templates:
    - name: main
      dag:
        tasks:
          - name: each
            template: say
            withItems: [red, green, blue]
            arguments:
              parameters: [{name: word, value: "{{item}}"}]
          - name: done
            depends: each
            template: say
            arguments:
              parameters: [{name: word, value: all done}]
    - name: say
      inputs:
        parameters: [{name: word}]
      container:
        image: busybox:1.36
        command: [echo]
        args: ["{{inputs.parameters.word}}"]
`,
  },
  {
    title: "Empty pipeline",
    about: "For Kubeflow Pipelines: components of Python, loops, conditions, exit handlers.",
    icon: "workflow",
    text: `# PIPELINE DEFINITION
# Name: drawn
components: {}
deploymentSpec:
  executors: {}
pipelineInfo:
  name: drawn
root:
  dag:
    tasks: {}
schemaVersion: 2.1.0
sdkVersion: kfp-2.14.6
`,
  },
  {
    title: "Models behind one address",
    about: "An InferenceGraph: requests are split between two models.",
    icon: "rocket",
    text: `apiVersion: serving.kserve.io/v1alpha1
kind: InferenceGraph
metadata:
  name: two-models
spec:
  nodes:
    root:
      routerType: Splitter
      steps:
        - {serviceName: model-a, weight: 80}
        - {serviceName: model-b, weight: 20}
`,
  },
];

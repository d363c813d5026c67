import { type GraphiQLPlugin, useEditorContext } from '@graphiql/react';
import { useEffect, useState } from 'react';
import { EXAMPLES, type Example, variablesText } from './examples.js';

function ExamplesPanel() {
  const { addTab, queryEditor, variableEditor } = useEditorContext({ nonNull: true });
  const [opening, setOpening] = useState<Example | null>(null);
  const open = (example: Example): void => {
    addTab();
    setOpening(example);
  };
  // The editors are loaded after the page: who is quicker than they are does not click in vain.
  useEffect(() => {
    if (opening === null || !queryEditor || !variableEditor) return;
    // The new tab fills the editors with its own contents first.
    const timer = setTimeout(() => {
      queryEditor.setValue(opening.query);
      variableEditor.setValue(variablesText(opening, Date.now()));
      setOpening(null);
    });
    return () => clearTimeout(timer);
  }, [opening, queryEditor, variableEditor]);
  return (
    <section className="examples" aria-label="Examples">
      <h2>Examples</h2>
      <ul>
        {EXAMPLES.map((example) => (
          <li key={example.title}>
            <button type="button" onClick={() => open(example)}>
              {example.title}
            </button>
            <p>{example.about}</p>
          </li>
        ))}
      </ul>
    </section>
  );
}

function ExamplesIcon() {
  return (
    <svg viewBox="0 0 16 16" fill="none" stroke="currentColor" strokeWidth="1.5" aria-hidden="true">
      <path d="M2 4h2M2 8h2M2 12h2M7 4h7M7 8h7M7 12h7" strokeLinecap="round" />
    </svg>
  );
}

export const EXAMPLES_PLUGIN: GraphiQLPlugin = { title: 'Examples', icon: ExamplesIcon, content: ExamplesPanel };

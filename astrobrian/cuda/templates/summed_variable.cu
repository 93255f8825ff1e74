{# As Brian2CUDA's, but there may be nothing to sum. #}
{# USES_VARIABLES { N } #}
{% extends 'brian2cuda/summed_variable.cu' %}

{% block kernel_call %}
    if (_N > 0)
    {
        {{super()}}
    }
{% endblock %}
